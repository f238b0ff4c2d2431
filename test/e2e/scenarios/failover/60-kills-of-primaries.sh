# shellcheck shell=bash
# shellcheck disable=SC2154 # from test/e2e/failover.sh
# unplanned-failover-ag-on-kubernetes: the primary is force-deleted three times while nobody writes, and three times under a
# writing load of many connections. Each time another one is promoted and all three are synchronized again.
source test/e2e/failover.sh
three_replicas kills
for kill in 1 2 3; do
	victim=$(primary_of)
	idle "idle kill $kill of $victim" 120 "moved $victim" force_delete "$victim"
done
connections=24
for kill in 1 2 3; do
	victim=$(primary_of)
	under_load "kill $kill of $victim under load" 120 "moved $victim" force_delete "$victim"
done
equal "kills: six failovers are on record, and no rows at risk" "6 none" \
	"$(field sqlag/kills '{range .status.failovers[*]}{.kind}{" "}{.rowsAtRisk}{"\n"}{end}' | grep -c '^Failover none$') $(field sqlag/kills '{range .status.failovers[*]}{.rowsAtRisk}{"\n"}{end}' | sort -u)"
check "kills: every acknowledged row of all runs is there" rows_found "$work"/rows.?
says "kills: told as Events" "$(kubectl -n demo get events --field-selector involvedObject.name=kills -o jsonpath='{range .items[*]}{.reason}{"\n"}{end}')" \
	PrimaryLost FailedOver
