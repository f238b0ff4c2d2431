# shellcheck shell=bash
# shellcheck disable=SC2154 # $work comes from test/e2e/run, tsql_says from test/clients/freetds.sh
# The simulated nodes and their storage, with SQL Server pods exactly as the controller describes them (the golden files
# of its unit tests) and no controller: what it can rely on here.
source test/clients/freetds.sh
group=mssqlserver-ag-cluster
password='Passw0rd-of-sa'
port=1433
freetds_conf request

# on POD BATCH: what tsql prints, asked at the pod's own address.
on() { address=$(field "pod/$1" '{.status.podIP}') tsql_says "$2"$'\ngo'; }
# through SERVICE BATCH: the same, asked through a Service.
through() { address=$(field "service/$1" '{.spec.clusterIP}') tsql_says "$2"$'\ngo'; }
# gives EXPECTED COMMAND...
gives() {
	local expected=$1 output
	shift
	output=$("$@")
	[[ $output == "$expected" ]] || { printf '%s\n' "$output"; return 1; }
}
# tells TEXT COMMAND...: the text is in the output.
tells() {
	local text=$1 output
	shift
	output=$("$@" 2>&1)
	[[ $output == *"$text"* ]] || { printf '%s\n' "$output"; return 1; }
}
pod_is() { gives "$2" field "pod/$1" '{.status.conditions[?(@.type=="Ready")].status}'; }
claim_has() { gives "$2" field "pvc/$1" '{.status.capacity.storage}'; }
claim_waits() { gives "$2" field "pvc/$1" '{.status.conditions[*].type}'; }
ask_for() { kubectl -n demo patch pvc "$1" --type merge -p "{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"$2\"}}}}"; }
claim_event() { kubectl -n demo get events --field-selector "involvedObject.name=$1,reason=$2" -o jsonpath='{.items[*].message}'; }
restarts() { field "pod/$1" '{.status.containerStatuses[0].restartCount}'; }
all_ready() { kubectl -n demo rollout status "statefulset/$1" --timeout=1s || gives "$2" field "statefulset/$1" '{.status.readyReplicas}'; }

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

# ---- storage
claim=data-$group
grows() {
	ask_for "$claim-0" 11Gi && until_true 20 claim_has "$claim-0" 11Gi && gives '' field "pvc/$claim-0" '{.status.conditions}' &&
		gives 11Gi kubectl get pv "$(field "pvc/$claim-0" '{.spec.volumeName}')" -o jsonpath='{.spec.capacity.storage}'
}
check "storage: a claim grows under a running pod" grows
check "storage: growing told of itself" tells 'NodeExpandVolume succeeded' claim_event "$claim-0" FileSystemResizeSuccessful
insert() { through "$group" "INSERT INTO shop.dbo.data VALUES ($1, N'more')"; }
fills_up() {
	local output
	simctl disk-full "$claim-0" || return 1
	output=$(insert 2)
	[[ $output == *'Msg 1105 '* || $output == *'Msg 9002 '* ]] || { echo "$output"; return 1; }
}
check "storage: a full volume is Msg 1105 or 9002" fills_up
room_again() {
	ask_for "$claim-0" 12Gi && until_true 20 claim_has "$claim-0" 12Gi && insert 3 && tells $'n\n2' through "$group" 'SELECT COUNT(*) AS n FROM shop.dbo.data' &&
		gives 1 restarts "$group-0"
}
check "storage: after expansion there is room, without a restart" room_again
refused() {
	simctl expansion "$claim-1" fail 2 && ask_for "$claim-1" 11Gi && until_true 20 claim_waits "$claim-1" Resizing &&
		until_true 20 tells 'failed (simulated)' claim_event "$claim-1" VolumeResizeFailed && until_true 30 claim_has "$claim-1" 11Gi
}
check "storage: expansion that fails twice says so, and is tried again" refused
stuck() {
	simctl expansion "$claim-1" stuck && ask_for "$claim-1" 12Gi && until_true 20 claim_waits "$claim-1" FileSystemResizePending &&
		claim_has "$claim-1" 11Gi && simctl expansion "$claim-1" normal && until_true 20 claim_has "$claim-1" 12Gi
}
check "storage: the node's part may be pending" stuck
scale() { kubectl -n demo scale "statefulset/$group" --replicas="$1"; }
offline() {
	simctl expansion "$claim-2" offline && ask_for "$claim-2" 13Gi && until_true 20 tells 'while it is attached' claim_event "$claim-2" VolumeResizeFailed &&
		scale 2 && until_true 30 claim_waits "$claim-2" FileSystemResizePending && claim_has "$claim-2" 10Gi &&
		scale 3 && until_true 60 claim_has "$claim-2" 13Gi && until_true 60 pod_is "$group-2" True
}
check "storage: a disk that only grows while no pod uses it" offline

# ---- faults
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

# ---- other images, other classes
cat >"$work/alone.jq" <<'END'
.items |= map(if .kind == "StatefulSet" then
	.spec.volumeClaimTemplates[0].spec.storageClassName = "managed-csi-premium"
	| .spec.template.spec.containers += [{name: "exporter", image: "registry.example/exporter:1", ports: [{containerPort: 9399}],
		readinessProbe: {httpGet: {path: "/metrics", port: 9399}}}]
else . end)
END
alone_runs() {
	kubectl -n demo create secret generic alone-auth --from-literal=username=sa --from-literal=password="$password" &&
		golden mssqlserver-standalone.json | jq -f "$work/alone.jq" | kubectl apply -f - && until_true 60 all_ready alone 1
}
check "images: a class that waits for a pod, and an exporter that nobody has: ready" alone_runs
kubectl -n demo run unreachable --image=registry.invalid/mssql/server:2022 --restart=Never >"$work/out"
check "images: what cannot be pulled is ErrImagePull" until_true 20 tells ImagePull field pod/unreachable '{.status.containerStatuses[0].state.waiting.reason}'

# ---- the end
volume=$(field pvc/data-alone-0 '{.spec.volumeName}')
kubectl patch pv "$volume" --type merge -p '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}' >"$work/out"
protected() {
	kubectl -n demo delete pvc data-alone-0 --wait=false && gives Bound field pvc/data-alone-0 '{.status.phase}' &&
		[[ -n $(field pvc/data-alone-0 '{.metadata.deletionTimestamp}') ]]
}
check "storage: a claim in use is protected" protected
kubectl -n demo delete statefulset,service,configmap,secret,pdb -l app.kubernetes.io/instance >"$work/out" 2>&1
kubectl -n demo delete secret "$group-auth" "$group-server-cert" alone-auth >>"$work/out" 2>&1
kubectl -n demo delete pod unreachable --grace-period=0 --force >>"$work/out" 2>&1
is_gone() { gives '' kubectl -n demo get "$@" --ignore-not-found -o name; }
check "end: pods are stopped" until_true 90 is_gone pods -l app.kubernetes.io/instance
check "storage: its claim goes with the last pod, Retain keeps the volume and what is on it" until_true 20 bash -c \
	"[[ -z \$(kubectl -n demo get pvc data-alone-0 --ignore-not-found -o name) && \$(kubectl get pv $volume -o jsonpath='{.status.phase}') == Released && -d $simnode_state/disks/$volume/data ]]"
kubectl delete pv "$volume" >"$work/out"
disk=$simnode_state/disks/$(field "pvc/$claim-0" '{.spec.volumeName}')
kubectl -n demo delete pvc --all >"$work/out"
disk_is_gone() { gives '' kubectl get pv -o name && [[ ! -e $disk ]]; }
check "storage: Delete removes volume and disk" until_true 30 disk_is_gone
