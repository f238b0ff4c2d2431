# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # from test/e2e/failover.sh
# The primary's pod is to go and knows it: it hands over first, and writers hardly notice. On the group of the kills.
source test/e2e/failover.sh
the_group_of_kills
last() { field "$object" "{.status.failovers[0].$1}"; }

victim=$(primary_of)
under_load "graceful delete of $victim" 120 "moved $victim" kubectl -n demo delete pod "$victim" --wait=false
equal "graceful delete: a hand-over, before the pod went" "HandOver PodDeleted" "$(last kind) $(last reason)"
equal "graceful delete: the wish is taken off" "" "$(field "$object" '{.metadata.annotations.agkeeper\.dev/hand-over}')"

victim=$(primary_of)
node=$(kubectl -n demo get pod "$victim" -o jsonpath='{.spec.nodeName}')
drain() { kubectl drain "$node" --ignore-daemonsets --delete-emptydir-data --pod-selector "app.kubernetes.io/instance=kills" --timeout=60s; }
after="kubectl uncordon $node"
under_load "drain of $node, where $victim is" 120 "replaced $victim" drain
after=
equal "drain: a hand-over" HandOver "$(last kind)"

if whole_day; then
	victim=$(primary_of)
	under_load "the annotation agkeeper.dev/primary" 120 "moved $victim" kubectl -n demo annotate "$object" "agkeeper.dev/primary=$(kubectl -n demo get pods -l app.kubernetes.io/instance=kills -o name | sed 's|pod/||' | grep -v "^$victim$" | tail -n 1)"
	equal "annotation: a hand-over on request" "HandOver Requested" "$(last kind) $(last reason)"
	not_wished() { [[ -z $(field "$object" '{.metadata.annotations.agkeeper\.dev/primary}') ]]; }
	check "annotation: it is taken off" until_true 30 not_wished

	# The primary leaves a node as soon as it is cordoned, before anybody drains it.
	victim=$(primary_of)
	node=$(kubectl -n demo get pod "$victim" -o jsonpath='{.spec.nodeName}')
	after="kubectl uncordon $node"
	under_load "cordon of $node, where $victim is" 120 "replaced $victim" kubectl cordon "$node"
	after=
	equal "cordon: a hand-over" "HandOver NodeCordoned" "$(last kind) $(last reason)"
fi

# A dry run and a force-deletion are not held back: the webhook has nothing to do with them.
victim=$(primary_of)
kubectl -n demo delete pod "$victim" --dry-run=server >/dev/null
equal "a dry run changes nothing" "$victim" "$(primary_of)"
