# shellcheck shell=bash
# A simulated SQL Server for the clients to talk to.
# shellcheck disable=SC2154 # work is the caller's

simsqlserver=${AGKEEPER_BUILD_DIR:-$PWD/build}/simsqlserver
[[ $simsqlserver == /* ]] || simsqlserver=$PWD/$simsqlserver
password='Passw0rd-of-sa'
address=127.0.0.1
server=
port=
ended=

free_port() {
	local candidate
	while :; do
		candidate=$((20000 + RANDOM % 10000))
		ss -Hltn "sport = :$candidate" | grep -q . || break
	done
	echo "$candidate"
}

# start_server: returns when it takes logins.
start_server() {
	port=$(free_port)
	printf '%s\n' "$password" >"$work/password"
	mkdir -p "$work/data"
	ACCEPT_EULA=Y MSSQL_PID=Developer "$simsqlserver" --listen "$address:$port" --mirroring "$address" \
		--data "$work/data" --name ag-0 --sa-password-file "$work/password" --time-scale 50 \
		>"$work/server.log" 2>&1 &
	server=$!
	if ! until_true 60 grep -q 'SQL Server is now ready for client connections' "$work/server.log" >"$work/wait"; then
		not_ok "the server starts" "$(cat "$work/server.log")"
		return 1
	fi
	ok "the server starts and says that it is ready"
}

stop_server() {
	[[ -z $server ]] || kill "$server" 2>/dev/null
	server=
}

# end_server: asks it to, and notes its exit code in $ended.
end_server() {
	kill "$server"
	wait "$server"
	ended=$?
	server=
}

has_ended_cleanly() {
	cat "$work/server.log"
	((ended == 0)) && grep -q 'SQL Server is terminating' "$work/server.log"
}
