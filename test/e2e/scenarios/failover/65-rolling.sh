# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # from test/e2e/failover.sh
# Another image under a writing load: one secondary at a time, each synchronized again before the next; then the primary
# hands over, and is the last to be restarted.
source test/e2e/failover.sh
the_group_of_kills
image=mcr.microsoft.com/mssql/server:2025-CU4-ubuntu-22.04
another_image() { kubectl -n demo patch "$object" --type merge -p "{\"spec\":{\"image\":\"$image\"}}"; }
rolled() { whole && [[ $(kubectl -n demo get pods -l app.kubernetes.io/instance=kills -o jsonpath='{range .items[*]}{.spec.containers[0].image}{"\n"}{end}' | sort | uniq -c | xargs) == "3 $image" ]]; }
# steps SINCE: which pods agkeeper deleted, and which were synchronized, in this order.
steps() {
	keeper_log "$1" | jq -r 'if .action == "DELETE_POD" and .result == "done" then "restart \(.pod)"
		elif .reason == "HandedOver" then "hand-over" else empty end'
}
was=$(primary_of)
began=$(now)
mapfile -t others < <(kubectl -n demo get pods -l app.kubernetes.io/instance=kills -o name | sed 's|pod/||' | grep -v "^$was$")
under_load "rolling update" 180 rolled another_image
equal "rolling update: the secondaries, a hand-over, then the former primary $was" \
	"$(printf 'restart %s\n' "${others[@]}" | sort) hand-over restart $was" \
	"$(steps "$began" | head -n 2 | sort) $(steps "$began" | tail -n +3 | xargs)"
equal "rolling update: one hand-over, and no failover" "HandOver" "$(field "$object" '{range .status.failovers[*]}{.startedAt} {.kind}{"\n"}{end}' | awk -v began="$began" '$1 >= began { print $2 }' | xargs)"
