# shellcheck shell=bash disable=SC2154 # cluster is set by lib.sh
# Long-running processes of a test cluster: started detached, recorded, and stopped by that record.
#
# A record ($cluster/run/NAME) is "pid start-time boot-id". A pid alone may by now be somebody else's; together with the
# time the kernel started it, in this boot, it is one process for ever.

# start NAME COMMAND...: log to $cluster/logs/NAME.log and return at once.
start() {
	local name=$1 pid
	shift
	mkdir -p "$cluster/run" "$cluster/logs"
	(
		# What this shell holds open (locks, a caller's pipes) must not live on in a daemon.
		for descriptor in "/proc/$BASHPID/fd"/*; do
			descriptor=${descriptor##*/}
			((descriptor <= 2)) || exec {descriptor}>&-
		done
		# The mark in the environment lets stop_strays find what a killed parent left behind.
		AGKEEPER_CLUSTER_PROCESS="$cluster" exec setsid "$@" </dev/null >>"$cluster/logs/$name.log" 2>&1
	) &
	pid=$!
	disown "$pid"
	echo "$pid $(start_time "$pid") $(</proc/sys/kernel/random/boot_id)" >"$cluster/run/$name"
	started+=("$name")
}

# start_time PID: in clock ticks since boot; fails for a process that is gone or a zombie.
start_time() {
	local stat
	local -a fields
	{ stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
	read -ra fields <<<"${stat##*) }" # what follows the command's name, which may hold anything
	[[ ${fields[0]} != [ZX] ]] && echo "${fields[19]}"
}

# recorded_pid NAME: print the pid of a process that start recorded and that still runs.
recorded_pid() {
	local pid time boot
	[[ -s $cluster/run/$1 ]] && read -r pid time boot <"$cluster/run/$1" &&
		[[ $boot == "$(</proc/sys/kernel/random/boot_id)" && $time == "$(start_time "$pid")" ]] && echo "$pid"
}

# stop NAME: ask it to end, wait, insist after 20 s. Nothing to do is fine.
stop() {
	local pid
	if pid=$(recorded_pid "$1"); then
		end_process "$pid" "$1"
	fi
	rm -f "$cluster/run/$1"
}

end_process() {
	local pid=$1 name=$2 time asked=$SECONDS patience=20
	# The API server waits up to a minute for clients that watch, a user's kubectl say, and has nothing to save meanwhile.
	[[ $name != kube-apiserver ]] || patience=2
	time=$(start_time "$pid") || return 0
	kill -TERM "$pid" 2>/dev/null || true
	while [[ $(start_time "$pid") == "$time" ]]; do
		if ((SECONDS - asked > patience)); then
			[[ $name == kube-apiserver ]] || warn "$name (pid $pid) did not end when asked; killing it"
			kill -KILL "$pid" 2>/dev/null || true
			patience=$((patience + 20))
		fi
		sleep 0.05
	done
}

# stop_strays: end what descends from a process of this cluster and outlived it.
stop_strays() {
	local file pid
	for file in /proc/[0-9]*/environ; do
		pid=${file#/proc/}
		pid=${pid%/environ}
		if grep -qzxF "AGKEEPER_CLUSTER_PROCESS=$cluster" "$file" 2>/dev/null; then
			end_process "$pid" "a left-over process"
		fi
	done
}

# await NAME SECONDS CHECK...: until CHECK succeeds. Should NAME end first, or the time be up, say so with the end of its log.
await() {
	local name=$1 seconds=$2 deadline=$((SECONDS + $2))
	shift 2
	until "$@"; do
		if ! recorded_pid "$name" >/dev/null; then
			show_log "$name"
			die "$name ended while starting (see above)"
		fi
		if ((SECONDS >= deadline)); then
			show_log "$name"
			die "$name was not ready within $seconds s (see above)"
		fi
		sleep 0.1
	done
}

show_log() {
	say "--- the end of $cluster/logs/$1.log ---"
	tail -n 25 "$cluster/logs/$1.log" >&2 || true
	say "---"
}
