# shellcheck shell=bash
# shellcheck disable=SC2154 # variables of test/e2e/run and test/e2e/nodes.sh
# A group of three pods: what runs in them, how Services lead to them, and a crash.
runs_as_described() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$group" -keyout "$work/tls.key" -out "$work/tls.crt" 2>"$work/openssl.log"
	kubectl -n demo create secret generic "$group-auth" --from-literal=username=sa --from-literal=password="$password" &&
		kubectl -n demo create secret tls "$group-server-cert" --cert="$work/tls.crt" --key="$work/tls.key" &&
		golden "$group.json" | kubectl apply -f - &&
		until_true 90 all_ready "$group" 3
}
check "nodes: a group's StatefulSet, Services and Secrets as the controller makes them: three pods become ready" runs_as_described
check "nodes: a server is called like its pod" tells $'name\n'"$group-0" on "$group-0" 'SELECT @@SERVERNAME AS name'
check "nodes: mssql.conf is heard: availability groups are enabled" tells $'hadr\n1' on "$group-0" "SELECT SERVERPROPERTY('IsHadrEnabled') AS hadr"
check "nodes: mssql.conf is heard: the certificate of the Secret" tells 'tls.crt certificate was successfully loaded' \
	cat "$simnode_state/logs/demo_$group-0_mssql.log"

# ---- the service proxy, and rows that outlive a crash
address=$(field "service/$group" '{.spec.clusterIP}')
check "proxy: a Service without a ready pod of its selector refuses" tells 'Connection refused' bash -c "exec 3<>/dev/tcp/$address/1433"
kubectl -n demo label pod "$group-0" kubedb.com/role=primary >"$work/out"
rows_are_written() {
	until_true 10 tells $'one\n1' through "$group" 'SELECT 1 AS one' || return 1
	through "$group" 'CREATE DATABASE shop' && through "$group" 'CREATE TABLE shop.dbo.data (id INT PRIMARY KEY, name NVARCHAR(100))' &&
		through "$group" "INSERT INTO shop.dbo.data VALUES (1, N'one')" && tells $'name\none' through "$group" 'SELECT name FROM shop.dbo.data'
}
check "proxy: the labelled pod is reached through the ClusterIP, rows are written" rows_are_written
crashes() {
	simctl kill "$group-0" && until_true 30 gives 1 restarts "$group-0" && until_true 30 pod_is "$group-0" True
}
check "kill: the container is started again, and counted" crashes
check "kill: the rows are still there" tells $'name\none' through "$group" 'SELECT name FROM shop.dbo.data'
