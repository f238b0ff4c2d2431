# shellcheck shell=bash
# shellcheck disable=SC2154 # $work and scene, show come from test/run-demo
# ./dev demo: a disk runs full while rows are written, an ops request makes the volumes larger, and writes go on.
source "$top/test/e2e/sql.sh"

scene "A disk runs full" "Rows are written to sales, one by one; something else takes all the space on the primary's volume."
kubectl -n demo wait --for=condition=Ready --timeout=180s ms/sales >/dev/null
password=$(sa_password ms/sales)
address=$(service sales)
sql "$address" "$password" "CREATE DATABASE bills" >/dev/null
sql "$address" "$password" "USE bills; CREATE TABLE lines (id int PRIMARY KEY)" >/dev/null

# Rows one by one; acknowledged has those that were, refused the last answer that was none.
write_rows() {
	local id=0 answer
	while [[ -e $work/writing ]]; do
		id=$((id + 1))
		answer=$(sql "$address" "$password" "USE bills; INSERT INTO lines VALUES ($id); SELECT $id") || true
		if [[ $answer == "$id" ]]; then echo "$id" >>"$work/acknowledged"; else echo "$answer" >"$work/refused"; fi
	done
}
touch "$work/writing" "$work/acknowledged"
write_rows &
writer=$!
# wait_for SECONDS COMMAND...
wait_for() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < deadline)) || { echo "not within the deadline: $*"; return 1; }
		sleep 0.2
	done
}
has_phase() { [[ $(kubectl -n demo get ms sales -o jsonpath='{.status.phase}') == "$1" ]]; }
has_more_than() { (($(wc -l <"$work/acknowledged") > $1)); }
wait_for 30 has_more_than 20
primary=$(kubectl -n demo get ms sales -o jsonpath='{.status.primaryReplica}')
"$top/build/simnode" ctl --state "$work/cluster/simnode" disk-full "demo/data-$primary" >/dev/null
wait_for 60 has_phase NotReady
wait_for 30 test -s "$work/refused"
show "cat refused"
show "kubectl -n demo get ms sales"
show "kubectl -n demo get ms sales -o jsonpath='{.status.conditions[?(@.type==\"StorageFull\")].message}'"

scene "… and is made larger" "An ops request, as the message above has it ready; no pod is restarted, and writes go on."
cat >grow.yaml <<'END'
apiVersion: ops.kubedb.com/v1alpha1
kind: MSSQLServerOpsRequest
metadata:
  name: grow-sales
  namespace: demo
spec:
  type: VolumeExpansion
  databaseRef:
    name: sales
  volumeExpansion:
    mode: Online
    mssqlserver: 20Gi
  apply: Always
END
show_file grow.yaml
show "kubectl apply -f grow.yaml"
count=$(wc -l <"$work/acknowledged")
kubectl -n demo wait --for=condition=Successful --timeout=120s msops/grow-sales >/dev/null
wait_for 60 has_phase Ready
wait_for 60 has_more_than $((count + 20))
show "kubectl -n demo get msops,ms,pods,pvc"
rm "$work/writing"
wait "$writer"
sql "$address" "$password" "USE bills; SELECT id FROM lines" | sort >"$work/there"
sort "$work/acknowledged" >"$work/sent"
printf '%s rows were acknowledged; missing of them: %s\n' "$(wc -l <"$work/sent")" "$(comm -23 "$work/sent" "$work/there" | wc -l)"
