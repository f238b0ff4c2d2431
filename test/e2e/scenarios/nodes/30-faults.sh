# shellcheck shell=bash
# shellcheck disable=SC2154 # variables of test/e2e/run and test/e2e/nodes.sh
# Everything that can happen to the pods of 10-pods: frozen, cut off, moved, evicted, without power.
freezes() { simctl freeze "$group-2" && until_true 60 pod_is "$group-2" False; }
check "freeze: the probe asks, and gets no answer: not ready" freezes
thaws() { simctl thaw "$group-2" && until_true 60 pod_is "$group-2" True; }
check "thaw: ready again" thaws
clients_are_cut() {
	simctl cut-clients "$group-2" && until_true 5 clients_hear_nothing && pod_is "$group-2" True && simctl heal "$group-2" &&
		until_true 10 tells $'n\n1' on "$group-2" 'SELECT 1 AS n'
}
clients_hear_nothing() { ! timeout 2 bash -c "$(declare -f on field tsql_says); work=$work port=$port password=$password; on $group-2 'SELECT 1 AS n'" | grep -q '^1$'; }
check "cut-clients: nobody from outside is answered, the pod stays ready" clients_are_cut

# A group of two, each finding the other by the name of its pod.
node() { on "$group-$1" "$2"; }
well() {
	local output
	output=$(node "$1" "$2")
	[[ $output != *severity\ 1[1-9]* && $output != *'Adaptive Server'* ]] || { printf '%s\n' "$output"; return 1; }
}
group_of_two() {
	local i j certificate replicas=
	for i in 0 1; do
		well "$i" "CREATE MASTER KEY ENCRYPTION BY PASSWORD = N'M@sterK3y'
			CREATE CERTIFICATE cert_$i WITH SUBJECT = N'$i'
			CREATE ENDPOINT AGEP STATE = STARTED AS TCP (LISTENER_PORT = 5022, LISTENER_IP = ALL)
			FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE cert_$i, ROLE = ALL, ENCRYPTION = REQUIRED ALGORITHM AES)" || return 1
		replicas+="${replicas:+, }N'$group-$i' WITH (ENDPOINT_URL = N'TCP://$group-$i.$group-pods.demo.svc.cluster.local:5022', FAILOVER_MODE = EXTERNAL, AVAILABILITY_MODE = SYNCHRONOUS_COMMIT, SEEDING_MODE = AUTOMATIC, SECONDARY_ROLE (ALLOW_CONNECTIONS = ALL))"
	done
	for i in 0 1; do
		j=$((1 - i))
		certificate=$(node "$i" "SELECT CERTENCODED(CERT_ID('cert_$i')) AS certificate" | sed -n 2p)
		well "$j" "CREATE LOGIN peer_$i WITH PASSWORD = N'Repl1ca!Login'
			CREATE USER peer_$i FOR LOGIN peer_$i
			CREATE CERTIFICATE cert_$i AUTHORIZATION peer_$i FROM BINARY = 0x$certificate
			GRANT CONNECT ON ENDPOINT::AGEP TO peer_$i" || return 1
	done
	well 0 "CREATE AVAILABILITY GROUP AG1 WITH (CLUSTER_TYPE = EXTERNAL, DB_FAILOVER = ON) FOR REPLICA ON $replicas" &&
		well 1 "ALTER AVAILABILITY GROUP AG1 JOIN WITH (CLUSTER_TYPE = EXTERNAL)
			ALTER AVAILABILITY GROUP AG1 GRANT CREATE ANY DATABASE
			ALTER AVAILABILITY GROUP AG1 SET (ROLE = SECONDARY)" &&
		well 0 "ALTER DATABASE shop SET RECOVERY FULL
			BACKUP DATABASE shop TO DISK = N'/var/opt/mssql/data/shop.bak' WITH INIT, FORMAT
			ALTER AVAILABILITY GROUP AG1 ADD DATABASE shop" &&
		until_true 60 tells $'name\none' node 1 'SELECT name FROM shop.dbo.data WHERE id = 1'
}
check "names: servers find each other by their pods' names, a group replicates" group_of_two
connected() { node 0 "SELECT connected_state_desc AS c FROM sys.dm_hadr_availability_replica_states WHERE is_local = 0"; }
partitioned() {
	simctl partition "$group-0" "$group-1" && until_true 40 gives $'c\nDISCONNECTED\n(1 row affected)' connected &&
		simctl heal && until_true 40 gives $'c\nCONNECTED\n(1 row affected)' connected
}
check "partition: endpoints do not hear each other, until it is healed" partitioned
is_another() { [[ $(field "pod/$1" '{.metadata.uid}') != "$2" ]]; }
moves() {
	local uid address
	uid=$(field "pod/$group-1" '{.metadata.uid}') address=$(field "pod/$group-1" '{.status.podIP}')
	kubectl -n demo delete pod "$group-1" --wait=false && until_true 60 is_another "$group-1" "$uid" && until_true 60 pod_is "$group-1" True &&
		[[ $(field "pod/$group-1" '{.status.podIP}') != "$address" ]] &&
		until_true 40 gives $'c\nCONNECTED\n(1 row affected)' connected
}
check "names: a pod that was replaced is found at its new address" moves

# A node that is cut off keeps its pods running and its disks, whatever the API is told.
node=$(field "pod/$group-2" '{.spec.nodeName}')
old_ip=$(field "pod/$group-2" '{.status.podIP}')
survives_deletion() {
	simctl node-cut "$node" && kubectl cordon "$node" && kubectl -n demo delete pod "$group-2" --force --grace-period=0 &&
		until_true 30 tells 'Multi-Attach error' field "pod/$group-2" '{.status.containerStatuses[0].state.waiting.message}' &&
		address=$old_ip tells $'n\n1' tsql_says $'SELECT 1 AS n\ngo'
}
check "node-cut: a pod that is force-deleted lives on, its successor waits for the disk" survives_deletion
comes_back() {
	simctl node-up "$node" && kubectl uncordon "$node" && until_true 90 pod_is "$group-2" True &&
		! timeout 2 bash -c "exec 3<>/dev/tcp/$old_ip/1433"
}
check "node-up: the old one dies, the successor has the disk" comes_back
node=$(field "pod/$group-2" '{.spec.nodeName}')
drained() {
	kubectl drain "$node" --pod-selector="app.kubernetes.io/instance=$group" --timeout=90s && until_true 90 pod_is "$group-2" True &&
		[[ $(field "pod/$group-2" '{.spec.nodeName}') != "$node" ]] && kubectl uncordon "$node"
}
check "drain: the pod is evicted and runs elsewhere" drained
node=$(field "pod/$group-2" '{.spec.nodeName}')
loses_power() {
	simctl node-down "$node" && until_true 90 gives Unknown kubectl get node "$node" -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}' &&
		simctl node-up "$node" && until_true 60 pod_is "$group-2" True && (($(restarts "$group-2") >= 1))
}
check "node-down: the node becomes NotReady; back up, its containers are started again" loses_power
