# shellcheck shell=bash
# An availability group of three processes, each on an address of its own, as the pods of a group are.
# shellcheck disable=SC2154 # work, simsqlserver and password are others'

group_net=127.$((100 + RANDOM % 100)).$((RANDOM % 250))
group_port=14330
members=()

stop_group() {
	local pid
	for pid in "${members[@]}"; do kill -CONT "$pid" 2>/dev/null && kill "$pid"; done
	members=()
}

start_member() {
	local folder=$work/ag-$1
	mkdir -p "$folder"
	printf '[EULA]\naccepteula = Y\n[hadr]\nhadrenabled = 1\n' >"$folder/mssql.conf"
	"$simsqlserver" --listen "$group_net.$(($1 + 1)):$group_port" --mirroring "$group_net.$(($1 + 1)):5022" \
		--data "$folder" --name "ag-$1" --sa-password-file "$work/password" --hosts "$work/hosts" \
		--time-scale 20 --settings startup=5000,seeding=100 >"$work/ag-$1.log" 2>&1 &
	members[$1]=$!
	disown "$!" # who is killed is not worth a line of the shell
}

# member N BATCH: what tsql prints of it on the member's server.
member() { address=$group_net.$(($1 + 1)) port=$group_port tsql_says "$2"$'\ngo'; }

# quietly N BATCH: the batch must not fail.
quietly() {
	local output
	output=$(member "$1" "$2")
	[[ $output != *severity\ 1[1-9]* && $output != *'Adaptive Server'* ]] || { printf 'ag-%s: %s\n%s\n' "$1" "$2" "$output"; return 1; }
}

says() { # says N BATCH TEXT: the text is in the answer
	local output
	output=$(member "$1" "$2")
	[[ $output == *"$3"* ]] || { printf '%s\n' "$output"; return 1; }
}

members_trust_each_other() {
	local i j certificate
	for i in 0 1 2; do
		quietly "$i" "CREATE MASTER KEY ENCRYPTION BY PASSWORD = N'M@sterK3y'
			CREATE CERTIFICATE cert_$i WITH SUBJECT = N'ag-$i'
			CREATE ENDPOINT AGEP STATE = STARTED AS TCP (LISTENER_PORT = 5022, LISTENER_IP = ALL)
			FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE cert_$i, ROLE = ALL, ENCRYPTION = REQUIRED ALGORITHM AES)" || return 1
	done
	for i in 0 1 2; do
		certificate=$(member "$i" "SELECT CERTENCODED(CERT_ID('cert_$i')) AS certificate" | sed -n 2p)
		for j in 0 1 2; do
			((i == j)) || quietly "$j" "CREATE LOGIN peer_$i WITH PASSWORD = N'Repl1ca!Login'
				CREATE USER peer_$i FOR LOGIN peer_$i
				CREATE CERTIFICATE cert_$i AUTHORIZATION peer_$i FROM BINARY = 0x$certificate
				GRANT CONNECT ON ENDPOINT::AGEP TO peer_$i" || return 1
		done
	done
}

group_is_made() {
	local i replicas=
	for i in 0 1 2; do
		replicas+="${replicas:+, }N'ag-$i' WITH (ENDPOINT_URL = N'TCP://ag-$i.pods:5022', FAILOVER_MODE = EXTERNAL, AVAILABILITY_MODE = SYNCHRONOUS_COMMIT, SEEDING_MODE = AUTOMATIC, SECONDARY_ROLE (ALLOW_CONNECTIONS = ALL))"
	done
	quietly 0 "CREATE AVAILABILITY GROUP AG1 WITH (CLUSTER_TYPE = EXTERNAL, DB_FAILOVER = ON) FOR REPLICA ON $replicas" || return 1
	for i in 1 2; do
		quietly "$i" "ALTER AVAILABILITY GROUP AG1 JOIN WITH (CLUSTER_TYPE = EXTERNAL)
			ALTER AVAILABILITY GROUP AG1 GRANT CREATE ANY DATABASE
			ALTER AVAILABILITY GROUP AG1 SET (ROLE = SECONDARY)" || return 1
	done
	quietly 0 "CREATE DATABASE agdb1
		ALTER DATABASE agdb1 SET RECOVERY FULL
		BACKUP DATABASE agdb1 TO DISK = N'/var/opt/mssql/data/agdb1.bak' WITH INIT, FORMAT
		ALTER AVAILABILITY GROUP AG1 ADD DATABASE agdb1" || return 1
	until_true 30 says 0 "SELECT COUNT(*) AS n FROM sys.dm_hadr_database_replica_states WHERE synchronization_state_desc = 'SYNCHRONIZED'" $'n\n3'
}

rows_are_everywhere() {
	local i
	quietly 0 "USE agdb1 CREATE TABLE data (id INT PRIMARY KEY, name NVARCHAR(100)) INSERT INTO data VALUES (1, N'one')" || return 1
	for i in 1 2; do until_true 30 says "$i" 'SELECT name FROM agdb1.dbo.data' $'name\none' || return 1; done
}

a_killed_primary_is_replaced() {
	kill -KILL "${members[0]}"
	until_true 30 quietly 1 "EXEC sp_set_session_context @key = N'external_cluster', @value = N'yes'
		ALTER AVAILABILITY GROUP AG1 FAILOVER" || return 1
	until_true 60 quietly 1 "IF NOT EXISTS (SELECT 1 FROM agdb1.dbo.data WHERE id = 2) INSERT INTO agdb1.dbo.data VALUES (2, N'two')" || return 1
	says 1 'SELECT COUNT(*) AS n FROM agdb1.dbo.data' $'n\n2'
}

a_frozen_server_accepts_and_never_answers() {
	kill -STOP "${members[2]}"
	local status=0
	timeout 3 bash -c "exec 3<>/dev/tcp/$group_net.3/$group_port; printf '\022\001\000\017\000\000\000\000\001\000\006\000\001\377\002' >&3; head -c 1 <&3" || status=$?
	kill -CONT "${members[2]}"
	((status == 124)) || { echo "exit code $status"; return 1; }
	until_true 30 says 2 'SELECT 1 AS n' $'n\n1'
}

run_group_checks() {
	local i
	printf '%s ag-%s.pods ag-%s\n' "$group_net.1" 0 0 "$group_net.2" 1 1 "$group_net.3" 2 2 >"$work/hosts"
	freetds_conf request
	for i in 0 1 2; do start_member "$i"; done
	for i in 0 1 2; do check "group: ag-$i starts" until_true 60 grep -q 'is now ready' "$work/ag-$i.log"; done
	check "group: certificates are exchanged as binary" members_trust_each_other
	check "group: made, joined, seeded and synchronized between processes" group_is_made
	check "group: rows of the primary are read on the secondaries" rows_are_everywhere
	check "group: a secondary refuses writes with Msg 3906, as the transcripts have it" says 1 \
		"USE agdb1 INSERT INTO data VALUES (9, N'no')" 'Msg 3906 (severity 16, state 2) from ag-1 Line 1:'
	check "group: after SIGKILL of the primary another one takes over" a_killed_primary_is_replaced
	check "group: a frozen server accepts and never answers" a_frozen_server_accepts_and_never_answers
}
