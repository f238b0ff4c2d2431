#!/usr/bin/env bash
# ./dev bench failover [--model] [--here] [--rounds N] [--seeds N]: how long a failover takes, with the simulated SQL Server's published
# timings (starts, latches, slow connections: test/sqlserver/settings.h), beside what was published for another operator.
#
# First in the simulation, in its own time, beside that operator's policy (test/simulation/compare.c); --model: no more than that.
# Then agkeeper as it is, on a cluster of this machine. Measured at clients: eight connections write rows through the listener all the time. Each number is the median, and the
# worst, of the rounds.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
source test/lib/report.sh
source test/e2e/lib.sh
rounds_wanted=3 here=false seeds=200 model=false
while (($#)); do
	case $1 in
	--rounds) rounds_wanted=$2; shift ;;
	--seeds) seeds=$2; shift ;;
	--here) here=true ;;
	--model) model=true ;;
	*) echo "usage: ./dev bench failover [--model] [--here] [--rounds N] [--seeds N]" >&2; exit 2 ;;
	esac
	shift
done
"${AGKEEPER_BUILD_DIR:-build}/simulation" --compare all --seeds "$seeds" || exit 1
! $model || exit 0
work=$(mktemp -d)
stop() {
	local status=$?
	[[ ! ${writer:-} ]] || kill "$writer" 2>/dev/null
	$here || AGKEEPER_CLUSTER_DIR=$work/cluster ./dev cluster down >/dev/null 2>&1
	rm -rf "$work"
	exit "$status"
}
trap stop EXIT
if ! $here; then
	export AGKEEPER_CLUSTER_DIR=$work/cluster SIMSQL_SETTINGS=published
	./dev cluster up >"$work/up.log" 2>&1 || { cat "$work/up.log"; exit 1; }
	eval "$(./dev cluster env)"
fi
# shellcheck disable=SC2034 # for timeline
simnode_state=${AGKEEPER_CLUSTER_DIR:-${XDG_STATE_HOME:-$HOME/.local/state}/agkeeper/cluster}/simnode
source test/e2e/sql.sh
source test/e2e/failover.sh
kubectl create namespace demo >/dev/null 2>&1
three_replicas bench
until_true 300 whole >/dev/null || { echo "the group does not come up"; exit 1; }

force() { force_delete "$1"; }
graceful() { kubectl -n demo delete pod "$1" --wait=false; }
freeze() { simctl freeze "$1" && until_true 90 replaced "$1" && simctl thaw "$1"; }
# round WHAT: one of them; its numbers go to $work/WHAT, "milliseconds-without-a-row seconds-to-all-synchronized".
round() {
	local what=$1 file=$work/written began
	victim=$(primary_of)
	write_rows "$file"
	until_true 60 has_begun "$file" >/dev/null
	sleep 1 # of rows, before
	began=$SECONDS
	at=$(now)
	"$what" "$victim" >/dev/null 2>&1
	until_true 400 moved "$victim" >/dev/null || echo "($what: not whole within 400 s)"
	stop_rows
	rows_found "$file" >"$work/found" || { echo "LOST ROWS: $(cat "$work/found")"; exit 1; }
	echo "$(of_run "$file" .gapMs) $((SECONDS - began))" | tee -a "$work/$what" | sed "s/^/# $what: /"
	timeline "$at" "$file"
}
median() { cut -d' ' -f"$2" "$work/$1" | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)] " (" v[NR] ")"}'; }
for what in force graceful freeze; do
	for ((i = 0; i < rounds_wanted; i++)); do round "$what"; done
done
cat <<END
| what happens to the primary | without an accepted write, ms: median (worst) | all synchronized, s: median (worst) | published |
| --- | --- | --- | --- |
| force-deleted under load | $(median force 1) | $(median force 2) | promotion 1-2 s, labels ~10 s; all synchronized 63-99 s |
| deleted gracefully | $(median graceful 1) | $(median graceful 2) | |
| frozen, threshold 10 s | $(median freeze 1) | $(median freeze 2) | 113 s or more |
END
