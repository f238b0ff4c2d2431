# shellcheck shell=bash
# shellcheck disable=SC2154 # $work comes from test/e2e/run
# A group's life after its first day: databases, replicas, passwords, rolling updates, a halt.
cat >"$work/life.yaml" <<'YAML'
apiVersion: sql.mssql.microsoft.com/v1alpha1
kind: SQLServerAvailabilityGroup
metadata: {name: life, namespace: demo}
spec:
  agName: LIFE
  image: mcr.microsoft.com/mssql/server:2022-CU16-ubuntu-22.04
  databases: [orders]
  replicas: [{name: a}, {name: b, readableSecondary: true}, {name: c}]
  listener: {name: life-listener}
  readOnlyListener: {name: life-ro}
  storage: {dataVolumeSize: 1Gi}
YAML
patch() { kubectl -n demo patch sqlag life --type merge -p "$1"; }
settled() { [[ $(field sqlag/life '{.status.observedGeneration}') == "$(field sqlag/life '{.metadata.generation}')" ]] && ready sqlag/life 1; }
password=
on_primary() { sql_says "$(service life-listener)" "$password" "$1" "$2"; }

admitted "life: applied" "$work/life.yaml"
check "life: Ready" ready sqlag/life 120
password=$(sa_password sqlag/life)
check "life: a table" on_primary "USE orders; CREATE TABLE o (id int PRIMARY KEY); INSERT INTO o VALUES (1); SELECT COUNT(*) FROM o" 1

check "life: a database is added to spec" patch '{"spec":{"databases":["orders","bills"]}}'
database_is_synchronized() {
	on_primary "SELECT COUNT(*) FROM sys.dm_hadr_database_replica_states s JOIN sys.databases d ON d.database_id = s.database_id WHERE d.name = '$1' AND s.synchronization_state_desc = 'SYNCHRONIZED'" "$2"
}
check "life: … created and seeded everywhere" until_true 60 database_is_synchronized bills 3
sql "$(service life-listener)" "$password" "CREATE DATABASE mine; ALTER DATABASE mine SET RECOVERY FULL; BACKUP DATABASE mine TO DISK = N'/var/opt/mssql/data/mine.bak'; ALTER AVAILABILITY GROUP [LIFE] ADD DATABASE mine" >"$work/mine"
check "life: a database that a DBA adds with T-SQL is kept and seeded" until_true 60 database_is_synchronized mine 3

check "life: a replica is appended" patch '{"spec":{"replicas":[{"name":"a"},{"name":"b","readableSecondary":true},{"name":"c"},{"name":"d"}]}}'
synchronized_is() { [[ $(field sqlag/life '{.status.synchronized}') == "$1" ]]; }
check "life: … and joins" until_true 90 synchronized_is 4/4
check "life: a secondary becomes readable" patch '{"spec":{"replicas":[{"name":"a"},{"name":"b","readableSecondary":true},{"name":"c","readableSecondary":true},{"name":"d"}]}}'
role_is() { [[ $(kubectl -n demo get pod "$1" -o jsonpath='{.metadata.labels.sql\.mssql\.microsoft\.com/ag-role}') == "$2" ]]; }
check "life: … its label follows" until_true 30 role_is life-2 readable-secondary

# Drift is put back, and what belongs to others is left alone.
kubectl -n demo delete service life-listener >/dev/null
check "life: a Service that was deleted comes back" until_true 30 kubectl -n demo get service life-listener
kubectl -n demo label service life-listener team=ledger >/dev/null
kubectl -n demo patch service life-ro --type merge -p '{"spec":{"selector":{"sql.mssql.microsoft.com/ag-role":"primary"}}}' >/dev/null
selector_is() { [[ $(kubectl -n demo get service life-ro -o jsonpath='{.spec.selector.sql\.mssql\.microsoft\.com/ag-role}') == "$1" ]]; }
check "life: a Service's selector that was changed is put back" until_true 30 selector_is readable-secondary
equal "life: somebody's own label stays" ledger "$(kubectl -n demo get service life-listener -o jsonpath='{.metadata.labels.team}')"

# A rolling update: one at a time, the primary last, after a hand-over; every row that was acknowledged is there after it.
primary=$(field sqlag/life '{.status.primaryReplica}')
before=$(kubectl -n demo get pods -l app.kubernetes.io/instance=life -o jsonpath='{.items[*].metadata.uid}')
insert_until() { # numbers rows and writes down which of them were acknowledged
	local n=100
	until [[ -e $1 ]]; do
		n=$((n + 1))
		[[ $(sql "$(service life-listener)" "$password" "SET NOCOUNT ON; USE orders; INSERT INTO o VALUES ($n); SELECT 'ok'") == ok ]] && echo $n
	done
}
insert_until "$work/rolled" >"$work/acknowledged" &
writer=$!
check "life: another image" patch '{"spec":{"image":"mcr.microsoft.com/mssql/server:2022-CU19-ubuntu-22.04"}}'
rolled() {
	local uid
	for uid in $before; do
		kubectl -n demo get pods -l app.kubernetes.io/instance=life -o jsonpath='{.items[*].metadata.uid}' | grep -q "$uid" && return 1
	done
	settled && synchronized_is 4/4
}
check "life: … rolls through all pods" until_true 180 rolled
touch "$work/rolled"
wait "$writer"
equal "life: every pod runs it" "" "$(kubectl -n demo get pods -l app.kubernetes.io/instance=life -o jsonpath='{range .items[*]}{.spec.containers[0].image}{"\n"}{end}' | grep -v CU19)"
check "life: some rows were acknowledged meanwhile" grep -q . "$work/acknowledged"
numbers() { sql "$(service life-listener)" "$password" "SET NOCOUNT ON; USE orders; SELECT id FROM o WHERE id > 100 ORDER BY id"; }
equal "life: all $(wc -l <"$work/acknowledged") of them are there" "" "$(comm -23 <(sort "$work/acknowledged") <(numbers | sort))"
says "life: the hand-over is an Event" "$(kubectl -n demo get events --field-selector involvedObject.name=life -o jsonpath='{range .items[*]}{.reason}{"\n"}{end}')" HandedOver
check "life: the primary was handed over, not lost" test "$(field sqlag/life '{.status.failovers[0].kind}')" = HandOver

# A new password in the Secret is applied.
kubectl -n demo patch secret life-sa --type merge -p '{"stringData":{"SA_PASSWORD":"Another-Passw0rd-42"}}' >/dev/null
kubectl -n demo annotate sqlag life team=ledger --overwrite >/dev/null
password_works() { sql_says "$(service life-listener)" Another-Passw0rd-42 "SELECT 1" 1; }
check "life: a changed SA password is applied" until_true 120 password_works
password=Another-Passw0rd-42

# kill -9 of SQL Server in a standby and in the primary: healed by itself.
standby=$(standby sqlag/life)
kubectl -n demo delete pod "$standby" --force --grace-period=0 >/dev/null 2>&1
check "life: a standby that was force-deleted is back" until_true 90 synchronized_is 4/4
primary=$(field sqlag/life '{.status.primaryReplica}')
kubectl -n demo delete pod "$primary" --force --grace-period=0 >/dev/null 2>&1
failed_over() { [[ $(field sqlag/life '{.status.primaryReplica}') != "$primary" ]] && settled && synchronized_is 4/4; }
check "life: a primary that was force-deleted is replaced, and comes back as secondary" until_true 120 failed_over
equal "life: all rows are still there" "" "$(comm -23 <(sort "$work/acknowledged") <(numbers | sort))"
kubectl -n demo get sqlag life -o wide
check "life: deleted" kubectl -n demo delete sqlag life --timeout=120s
kubectl -n demo delete pvc -l app.kubernetes.io/instance=life >/dev/null # they are kept with the group gone

# spec.halted stops and resumes.
cat >"$work/halted.yaml" <<'YAML'
apiVersion: kubedb.com/v1alpha2
kind: MSSQLServer
metadata: {name: halt, namespace: demo}
spec:
  version: "2022-cu16"
  replicas: 2
  topology: {mode: AvailabilityGroup, availabilityGroup: {databases: [app], secondaryAccessMode: All}}
  deletionPolicy: WipeOut
  storage: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
YAML
admitted "halt: applied" "$work/halted.yaml"
check "halt: Ready" ready ms/halt 120
password=$(sa_password ms/halt)
check "halt: a row" until_true 30 sql_says "$(service halt)" "$password" "USE app; CREATE TABLE t (id int); INSERT INTO t VALUES (7); SELECT id FROM t" 7
check "halt: halted" kubectl -n demo patch ms halt --type merge -p '{"spec":{"halted":true}}'
phase_is() { [[ $(field ms/halt '{.status.phase}') == "$1" ]] && ([[ $1 != Halted ]] || none_left pods halt); }
check "halt: no pods, phase Halted" until_true 90 phase_is Halted
check "halt: resumed" kubectl -n demo patch ms halt --type merge -p '{"spec":{"halted":false}}'
check "halt: Ready again" until_true 120 phase_is Ready
check "halt: the row is there" until_true 30 sql_says "$(service halt)" "$password" "USE app; SELECT id FROM t" 7
check "halt: deleted" kubectl -n demo delete ms halt --timeout=120s
check "halt: WipeOut leaves no volumes" until_true 60 none_left pvc halt
check "halt: … and no secrets" until_true 60 none_left secrets halt

# Standalone.
cat >"$work/alone.yaml" <<'YAML'
apiVersion: kubedb.com/v1
kind: MSSQLServer
metadata: {name: alone, namespace: demo}
spec:
  version: "2022-cu19"
  deletionPolicy: Halt
  storage: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
YAML
admitted "standalone: applied" "$work/alone.yaml"
check "standalone: Ready" ready ms/alone 120
password=$(sa_password ms/alone)
check "standalone: takes rows" until_true 30 sql_says "$(service alone)" "$password" "CREATE DATABASE app; SELECT 5" 5
check "standalone: deleted" kubectl -n demo delete ms alone --timeout=120s
check "standalone: Halt keeps the volume and the Secret" kubectl -n demo get pvc/data-alone-0 secret/alone-auth
admitted "standalone: applied again over its volume" "$work/alone.yaml"
check "standalone: Ready again" ready ms/alone 120
check "standalone: with what it held" until_true 30 sql_says "$(service alone)" "$password" "SELECT COUNT(*) FROM sys.databases WHERE name = 'app'" 1
kubectl -n demo patch ms alone --type merge -p '{"spec":{"deletionPolicy":"WipeOut"}}' >/dev/null
check "standalone: wiped out" kubectl -n demo delete ms alone --timeout=120s
kubectl -n demo delete secrets -l app.kubernetes.io/component=database >/dev/null
