# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # from test/e2e/failover.sh
# Primaries that do not die but fall silent: frozen, cut off, on a node that is gone. On the group of the kills, whose
# threshold is 10 s.
source test/e2e/failover.sh
the_group_of_kills
last() { field "$object" "{.status.failovers[0].$1}"; }
cut_off() { simctl partition "$1" && simctl cut-clients "$1"; }

victim=$(primary_of)
after="simctl thaw $victim"
under_load "frozen process of $victim" 120 "replaced $victim" simctl freeze "$victim"
equal "frozen: its time was waited for" "Failover PrimarySilent" "$(last kind) $(last reason)"

victim=$(primary_of)
after="simctl heal"
under_load "$victim cut off from everybody" 120 "replaced $victim" cut_off "$victim"
equal "cut off: a failover" Failover "$(last kind)"

if whole_day; then
	# The log does not flow, but clients and we reach it: it goes on alone, since nobody confirms its commits any more.
	victim=$(primary_of)
	after="simctl heal"
	under_load "$victim cut off from its replicas" 120 "condition_is Protected False" simctl partition "$victim"
	equal "cut off from its replicas: it is still the primary" "$victim" "$(primary_of)"

	victim=$(primary_of)
	node=$(kubectl -n demo get pod "$victim" -o jsonpath='{.spec.nodeName}')
	after="simctl node-up $node"
	under_load "node $node of $victim is down" 180 "replaced $victim" simctl node-down "$node"
	equal "node down: a failover" Failover "$(last kind)"
fi
after=
check "silence: every acknowledged row is there" rows_found "$work"/rows.?
