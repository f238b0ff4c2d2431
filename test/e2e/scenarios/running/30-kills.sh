# shellcheck shell=bash
# shellcheck disable=SC2154 # $work comes from test/e2e/run
# The controller is killed with SIGKILL at any moment of bootstrap, rolling update and deletion, and always finishes.
# AGKEEPER_KILLS: how many times (20). Others take over after 3 s here instead of 15, so that more moments are met.
source test/e2e/kills.sh
check "kills: a lease of 3 s" lease_seconds 3
patch_of() { kubectl -n demo patch sqlag "$1" --type merge -p "$2"; }
# all_run GROUP IMAGE: three pods run it, and the group is whole.
all_run() {
	[[ $(kubectl -n demo get pods -l "app.kubernetes.io/instance=$1" -o jsonpath='{range .items[*]}{.spec.containers[0].image}{"\n"}{end}' | grep -c "$2") == 3 ]] &&
		ready "sqlag/$1" 1
}

kills=${AGKEEPER_KILLS:-20}
round=0
while ((killed_in_all < kills && round < kills)); do
	round=$((round + 1))
	group=kill-$round
	cat >"$work/kill.yaml" <<YAML
apiVersion: sql.mssql.microsoft.com/v1alpha1
kind: SQLServerAvailabilityGroup
metadata: {name: $group, namespace: demo}
spec:
  agName: KILLS
  image: mcr.microsoft.com/mssql/server:2022-CU16-ubuntu-22.04
  databases: [app]
  replicas: [{name: a}, {name: b}, {name: c}]
  listener: {name: $group}
  storage: {dataVolumeSize: 1Gi, reclaimPolicy: Delete}
YAML
	# The webhooks are away for moments, too, when both replicas have just been killed.
	check "$group: applied" until_true 60 kubectl apply -f "$work/kill.yaml"
	under_kills 4 check "$group: Ready" ready "sqlag/$group" 240
	group_id=$(field "sqlag/$group" '{.status.availabilityGroup.groupID}')
	password=$(sa_password "sqlag/$group")
	check "$group: a row" until_true 60 sql_says "$(service "$group")" "$password" "SET NOCOUNT ON; USE app; CREATE TABLE t (id int); INSERT INTO t VALUES ($round); SELECT id FROM t" "$round"
	check "$group: another image" until_true 60 patch_of "$group" '{"spec":{"image":"mcr.microsoft.com/mssql/server:2022-CU19-ubuntu-22.04"}}'
	under_kills 4 check "$group: rolled" until_true 240 all_run "$group" CU19
	equal "$group: it is the same group" "$group_id" "$(field "sqlag/$group" '{.status.availabilityGroup.groupID}')"
	check "$group: the row is there" until_true 60 sql_says "$(service "$group")" "$password" "SET NOCOUNT ON; USE app; SELECT id FROM t" "$round"
	under_kills 2 check "$group: deleted" until_true 240 kubectl -n demo delete sqlag "$group" --ignore-not-found --timeout=240s
	check "$group: nothing is left" until_true 60 none_left pods,pvc,statefulsets,services,configmaps,secrets "$group"
done
check "kills: $killed_in_all in $round rounds" test "$killed_in_all" -ge "$kills"
check "kills: agkeeper is available after all of that" until_true 120 agkeeper_ready
check "kills: the lease is as long as before" lease_as_before
