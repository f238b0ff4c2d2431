#!/bin/bash
# Put simulated nodes and agkeeper on a cluster that cluster.sh has started. Repeating it is harmless, and brings the
# cluster to what manifests/ says now.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$here/lib.sh"
# shellcheck source-path=SCRIPTDIR source=processes.sh
source "$here/processes.sh"

kubectl= # comes with the settings
build=${AGKEEPER_BUILD_DIR:-$top/build}
# Which program the simulated nodes run for a container of which image; "*" is every other one.
images=("agkeeper=$build/agkeeper" "mssql/server=$build/simsqlserver" "*=$build/simstandin")
started=()

main() {
	local image
	[[ -e $cluster/settings ]] || die "no cluster is up; './dev cluster up' starts one."
	# shellcheck source=/dev/null
	source "$cluster/settings"
	[[ ${kube_controller_manager:-} && ${kube_scheduler:-} ]] ||
		die "this control plane lacks kube-controller-manager or kube-scheduler, so agkeeper cannot be run on it ('up --bare' asks for no more)."
	for image in "simnode=$build/simnode" "${images[@]}"; do
		[[ -x ${image#*=} ]] || die "${image#*=} is not there: './dev build' makes it. The bare control plane stays up."
	done
	[[ -e $top/manifests/kustomization.yaml ]] || die "$top/manifests has no kustomization.yaml. The bare control plane stays up."

	start_simnode
	kube_until 60 "applying manifests/" apply -k "$top/manifests"
	kube_until 120 "waiting for agkeeper" -n agkeeper-system wait --for=condition=Available --timeout=2s deployment/agkeeper
	kube_until 60 "waiting for the starter catalogue" get mssqlserverversion 2022-cu19
	say "agkeeper runs in namespace agkeeper-system."
}

start_simnode() {
	lock "$cache/cluster.lock" "Another 'cluster up' or 'cluster down' is at work; waiting for it…"
	if ! recorded_pid simnode >/dev/null; then
		mkdir -p "$cluster/simnode"
		# Simulated SQL Servers are quick, unless the caller wants "published": what people measured on real ones.
		export SIMSQL_SETTINGS=${SIMSQL_SETTINGS-fast,startup=1000}
		start simnode "$build/simnode" --kubeconfig "$cluster/admin.kubeconfig" --state "$cluster/simnode" --network "${network:-0}" "${images[@]/#/--image=}"
	fi
	unlock
	kube_until 30 "waiting for the simulated nodes" wait --for=condition=Ready --timeout=2s nodes --all
}

# kube_until SECONDS DOING KUBECTL-ARGUMENTS...: repeat kubectl until it succeeds; at the deadline, show what it said last.
# Repeating is part of applying: an object of a kind defined in the same folder is refused until that kind is established.
kube_until() {
	local deadline=$((SECONDS + $1)) doing=$2 output
	shift 2
	until output=$("$kubectl" --kubeconfig "$cluster/admin.kubeconfig" --cache-dir "$cluster/kubectl-cache" "$@" 2>&1); do
		if ! recorded_pid simnode >/dev/null; then
			show_log simnode
			die "simnode ended while $doing (see above)"
		fi
		if ((SECONDS >= deadline)); then
			show_log simnode
			say "$output"
			die "$doing did not succeed in time; kubectl's last words are above"
		fi
		sleep 0.3
	done
}

main "$@"
