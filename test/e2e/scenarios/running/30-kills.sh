# shellcheck shell=bash
# shellcheck disable=SC2154 # $work comes from test/e2e/run
# The controller is killed with SIGKILL at any moment of bootstrap, rolling update and deletion, and always finishes.
# AGKEEPER_KILLS: how many times (20).

# kill_leader: the process that leads, as the machine running it would lose it.
kill_leader() {
	local pid
	pid=$(pgrep -f "agkeeper run --listen=$(kubectl -n agkeeper-system get pod "$(leader)" -o jsonpath='{.status.podIP}'):9443") || return 1
	kill -KILL "$pid"
}
# killing FILE: kills a leader after random pauses until the file is there.
killing() {
	local killed=0
	until [[ -e $1 ]] || ((killed >= kills_of_round)); do
		sleep "$(printf '%d.%02d' $((RANDOM % 3)) $((RANDOM % 100)))" # when is what is tried
		kill_leader && killed=$((killed + 1))
	done
	echo $killed
}

kills=${AGKEEPER_KILLS:-20}
killed_in_all=0
round=0
while ((killed_in_all < kills && round < kills)); do
	round=$((round + 1))
	name=kill-$round
	kills_of_round=$((kills - killed_in_all))
	rm -f "$work/enough"
	killing "$work/enough" >"$work/killed" &
	killer=$!
	kubectl -n demo apply -f - >/dev/null <<YAML
apiVersion: sql.mssql.microsoft.com/v1alpha1
kind: SQLServerAvailabilityGroup
metadata: {name: $name, namespace: demo}
spec:
  agName: KILLS
  image: mcr.microsoft.com/mssql/server:2022-CU16-ubuntu-22.04
  databases: [app]
  replicas: [{name: a}, {name: b}, {name: c}]
  listener: {name: $name}
  storage: {dataVolumeSize: 1Gi, reclaimPolicy: Delete}
YAML
	check "$name: Ready" ready "sqlag/$name" 240
	group_id=$(field "sqlag/$name" '{.status.availabilityGroup.groupID}')
	password=$(sa_password "sqlag/$name")
	check "$name: a row" until_true 60 sql_says "$(service "$name")" "$password" "USE app; CREATE TABLE t (id int); INSERT INTO t VALUES ($round); SELECT id FROM t" "$round"
	kubectl -n demo patch sqlag "$name" --type merge -p '{"spec":{"image":"mcr.microsoft.com/mssql/server:2022-CU19-ubuntu-22.04"}}' >/dev/null
	all_new() {
		[[ $(kubectl -n demo get pods -l "app.kubernetes.io/instance=$name" -o jsonpath='{range .items[*]}{.spec.containers[0].image}{"\n"}{end}' | grep -c CU19) == 3 ]] &&
			ready "sqlag/$name" 1
	}
	check "$name: rolled" until_true 240 all_new
	equal "$name: it is the same group" "$group_id" "$(field "sqlag/$name" '{.status.availabilityGroup.groupID}')"
	check "$name: the row is there" until_true 60 sql_says "$(service "$name")" "$password" "USE app; SELECT id FROM t" "$round"
	check "$name: deleted" kubectl -n demo delete sqlag "$name" --timeout=240s
	check "$name: nothing but its Secrets is left" until_true 60 none_left pods,pvc,statefulsets,services,configmaps "$name"
	touch "$work/enough"
	wait "$killer"
	killed_in_all=$((killed_in_all + $(cat "$work/killed")))
done
check "kills: $killed_in_all of them in $round rounds" test "$killed_in_all" -ge "$kills"
kubectl -n demo delete secrets -l app.kubernetes.io/component=database >/dev/null
check "agkeeper is available after all of that" until_true 120 agkeeper_ready
