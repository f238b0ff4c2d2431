#!/bin/bash
# A Kubernetes control plane for development and tests: the real etcd, kube-apiserver, kube-controller-manager and
# kube-scheduler as plain processes on 127.0.0.1, no root and no containers needed.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$here/lib.sh"
# shellcheck source-path=SCRIPTDIR source=processes.sh
source "$here/processes.sh"
# shellcheck source-path=SCRIPTDIR source=certificates.sh
source "$here/certificates.sh"
# shellcheck source-path=SCRIPTDIR source=control-plane.sh
source "$here/control-plane.sh"

usage() {
	cat <<-'END'
		usage: ./dev cluster up [--bare] | down | status | env

		  up       start a Kubernetes control plane on this machine, with simulated nodes and agkeeper on it;
		           what runs already is left alone, what has stopped is started again
		  up --bare  the control plane and its StorageClasses only
		  down     stop everything that 'up' started and remove its state
		  status   say what runs; exit code 0 all of it, 1 a part, 3 nothing
		  env      print shell commands that point kubectl at the cluster:  eval "$(./dev cluster env)"

		Environment:
		  KUBEBUILDER_ASSETS    a folder with kube-apiserver, etcd and kubectl (and kube-controller-manager and kube-scheduler)
		                        of any release; without it, Kubernetes 1.20.2 is built once from Debian's source package
		  SIMSQL_SETTINGS       timings and assumptions of the simulated SQL Servers (fast,startup=1000); "published" is what
		                        people measured on real ones, test/sqlserver/settings.h has every name
		  SIMSQL_TIME_SCALE     how much faster than the clock their time runs (1)
		  AGKEEPER_CLUSTER_CONTROLLER_FLAGS  further flags of kube-controller-manager
		  AGKEEPER_CLUSTER_DIR  where the cluster's state is kept; clusters in different folders run side by side
	END
}

# The parts, in the order they start. simnode is the one that install.sh adds.
parts=(etcd kube-apiserver kube-controller-manager kube-scheduler)
all_parts=("${parts[@]}" simnode)

# The settings: chosen when the cluster is first started and kept in $cluster/settings, so that a part that stopped comes
# back where the others look for it.
settings=(
	etcd kube_apiserver kube_controller_manager kube_scheduler kubectl
	etcd_port etcd_peer_port api_port controllers_port scheduler_port network
)
declare "${settings[@]/%/=}"

started=() # what this very call has started

main() {
	local command=${1:-}
	shift || true
	case $command in
	up) up "$@" ;;
	down) down "$@" ;;
	status) status "$@" ;;
	env) environment "$@" ;;
	-h | --help | help) usage ;;
	'')
		usage >&2
		exit 2
		;;
	*)
		usage >&2
		die "no such command: cluster $command"
		;;
	esac
}

no_arguments() {
	(($# == 0)) || die "unexpected argument: $1"
}

up() {
	local bare=
	if [[ ${1:-} == --bare ]]; then
		bare=yes
		shift
	fi
	no_arguments "$@"
	need curl flock openssl realpath setsid ss

	if [[ ! -e $cluster/settings ]]; then
		[[ -z $(ls -A "$cluster" 2>/dev/null) ]] || die "$cluster is not empty, and not the state of a cluster."
		[[ ${KUBEBUILDER_ASSETS:-} ]] || "$here/build-kubernetes.sh"
	fi
	lock "$cache/cluster.lock" "Another 'cluster up' or 'cluster down' is at work; waiting for it…"
	trap undo EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	mkdir -p "$cluster"
	[[ -e $cluster/settings ]] || choose_settings
	# shellcheck source=/dev/null
	source "$cluster/settings"
	make_credentials "$api_port"
	start_parts
	trap - EXIT INT TERM
	unlock

	if ((${#started[@]})); then
		say "Kubernetes $(server_version) is up at https://127.0.0.1:$api_port. To use it:  eval \"\$(./dev cluster env)\""
	else
		say "Kubernetes $(server_version) is already up at https://127.0.0.1:$api_port."
	fi
	tell_missing
	[[ $bare ]] || exec "$here/install.sh"
}

start_parts() {
	ensure etcd
	await etcd 60 ready_etcd
	ensure kube-apiserver
	await kube-apiserver 60 ready_kube-apiserver
	await kube-apiserver 30 kube apply -f "$here/storage.yaml"
	ensure kube-controller-manager
	ensure kube-scheduler
	[[ ! $kube_controller_manager ]] || await kube-controller-manager 60 ready_kube-controller-manager
	[[ ! $kube_scheduler ]] || await kube-scheduler 60 ready_kube-scheduler
}

# ensure PART: start it, unless it runs or this release came without it.
ensure() {
	local program=${1//-/_}
	program=${!program}
	if [[ ! $program ]] || recorded_pid "$1" >/dev/null; then
		return
	fi
	[[ -x $program ]] || die "$1 was started from $program, which is gone: run './dev cluster down' first."
	"start_$1"
}

# On failure or a signal: stop what this call started, and leave the logs to be read.
undo() {
	local status=$? i
	for ((i = ${#started[@]} - 1; i >= 0; i--)); do
		stop "${started[i]}"
	done
	if [[ -d $cluster/logs ]]; then
		say "Not up. The logs are in $cluster/logs; './dev cluster down' removes them."
	else
		rm -rf "$cluster"
	fi
	exit "$status"
}

choose_settings() {
	local name part variable
	for part in "${parts[@]}" kubectl; do
		variable=${part//-/_}
		printf -v "$variable" %s "$(find_program "$part" || true)"
	done
	if [[ -n ${KUBEBUILDER_ASSETS:-} && ! $kube_apiserver ]]; then
		die "KUBEBUILDER_ASSETS ($KUBEBUILDER_ASSETS) has no kube-apiserver"
	fi
	[[ $etcd && $kubectl ]] || die "not found: $([[ $etcd ]] || echo etcd) $([[ $kubectl ]] || echo kubectl). './dev deps' gets them."
	local taken=" "
	choose_port etcd_port 12379
	choose_port etcd_peer_port 12380
	choose_port api_port 16443
	# Pods and Services have addresses that the whole machine sees: clusters side by side get different ones.
	network=$(((api_port - 16443) % 16))
	choose_port controllers_port 16257
	choose_port scheduler_port 16259
	for name in "${settings[@]}"; do
		printf '%s=%q\n' "$name" "${!name}"
	done >"$cluster/settings.new"
	mv "$cluster/settings.new" "$cluster/settings"
}

# choose_port VARIABLE FIRST: the first port from FIRST on that nobody listens on. Below the range that the kernel hands
# to outgoing connections, and chosen under the lock, so that it stays free until its part listens.
choose_port() {
	local port=$2
	while [[ $taken == *" $port "* || -n $(ss -Htln "sport = :$port") ]]; do
		((++port))
	done
	taken+="$port "
	printf -v "$1" %s "$port"
}

tell_missing() {
	[[ $kube_controller_manager ]] ||
		warn "no kube-controller-manager in KUBEBUILDER_ASSETS: no service accounts, so no pods; no StatefulSets, no garbage collection"
	[[ $kube_scheduler ]] ||
		warn "no kube-scheduler in KUBEBUILDER_ASSETS: pods that name no node stay Pending"
}

server_version() {
	fetch "https://127.0.0.1:$api_port/version" | sed -n 's/.*"gitVersion": "\([^"]*\)".*/\1/p'
}

down() {
	local i
	no_arguments "$@"
	if [[ ! -d $cluster ]]; then
		say "No cluster is up."
		return
	fi
	[[ -e $cluster/settings || -z $(ls -A "$cluster") ]] ||
		die "$cluster does not look like the state of a cluster; not touching it."
	lock "$cache/cluster.lock" "Another 'cluster up' or 'cluster down' is at work; waiting for it…"
	for ((i = ${#all_parts[@]} - 1; i >= 0; i--)); do
		stop "${all_parts[i]}"
	done
	stop_strays
	rm -rf "$cluster"
	say "The cluster is down."
}

status() {
	local part variable pid up=0 stopped=0
	no_arguments "$@"
	if [[ ! -e $cluster/settings ]]; then
		echo "No cluster is up."
		exit 3
	fi
	# shellcheck source=/dev/null
	source "$cluster/settings"
	for part in "${all_parts[@]}"; do
		variable=${part//-/_}
		if pid=$(recorded_pid "$part"); then
			if [[ $part == simnode || $("ready_$part" && echo ready) ]]; then
				printf '%-26s running, pid %s\n' "$part" "$pid"
				((++up))
			else
				printf '%-26s running, pid %s, but does not answer\n' "$part" "$pid"
				((++stopped))
			fi
		elif [[ -e $cluster/run/$part || ${!variable:-} ]]; then
			printf '%-26s stopped; see %s\n' "$part" "$cluster/logs/$part.log"
			((++stopped))
		fi
	done
	echo "API server https://127.0.0.1:$api_port, state in $cluster"
	((up)) || exit 3
	((stopped == 0)) || exit 1
}

# For eval, so nothing but the commands goes to stdout.
environment() {
	no_arguments "$@"
	[[ -e $cluster/settings ]] || die "no cluster is up; './dev cluster up' starts one."
	# shellcheck source=/dev/null
	source "$cluster/settings"
	printf 'export KUBECONFIG=%q\n' "$cluster/admin.kubeconfig"
	# kubectl remembers what a server offers by its address, and the next cluster will have the same one.
	printf 'export KUBECACHEDIR=%q\n' "$cluster/kubectl-cache"
	# shellcheck disable=SC2016 # the caller's shell expands it
	[[ $(type -P kubectl) == "$kubectl" ]] || printf 'export PATH=%q:"$PATH"\n' "$(dirname "$kubectl")"
}

main "$@"
