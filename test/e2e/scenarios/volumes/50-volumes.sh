# shellcheck shell=bash
# shellcheck disable=SC2154 # $work comes from test/e2e/run
# Volumes grow: online, offline, past failures and kills of the controller; and a disk that ran full. Rows are written
# all the while, and every one that was acknowledged is there in the end.
# AGKEEPER_EXPANSION_KILLS: how many kills (10).

# database NAME SIZE [MORE-OF-SPEC]: three replicas with database app.
database() {
	kubectl apply -f - >/dev/null <<-YAML
		apiVersion: kubedb.com/v1alpha2
		kind: MSSQLServer
		metadata: {name: $1, namespace: demo}
		spec:
		  version: 2022-cu16
		  replicas: 3
		  topology: {mode: AvailabilityGroup, availabilityGroup: {databases: [app]}}
		  storage: {accessModes: [ReadWriteOnce], resources: {requests: {storage: $2}}}
		  deletionPolicy: WipeOut
		  ${3:-}
	YAML
}
# request NAME DATABASE MODE SIZE [MORE-OF-SPEC]
request() {
	kubectl apply -f - <<-YAML
		apiVersion: ops.kubedb.com/v1alpha1
		kind: MSSQLServerOpsRequest
		metadata: {name: $1, namespace: demo}
		spec:
		  type: VolumeExpansion
		  databaseRef: {name: $2}
		  volumeExpansion: {mode: $3, mssqlserver: $4}
		  ${5:-}
	YAML
}
conditions() { kubectl -n demo get "$1" -o jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{"\n"}{end}'; }
request_is() {
	[[ $(field "msops/$1" '{.status.phase}') == "$2" ]] || {
		field "msops/$1" '{.status.phase} {.status.progress}{"\n"}'
		conditions "msops/$1"
		return 1
	}
}
request_says() { [[ $(conditions "msops/$1") == *"$2"* ]] || { conditions "msops/$1"; return 1; }; }
says_of() { [[ $(conditions "$1") == *"$2"* ]] || { conditions "$1"; return 1; }; }
phase_is() { [[ $(field "$1" '{.status.phase}') == "$2" ]] || { conditions "$1"; return 1; }; }
# claims_are NAME SIZE, sizes_are NAME SIZE: volumes; volumes, the StatefulSet's template and spec of an MSSQLServer.
claims_are() {
	local all
	all=$(kubectl -n demo get pvc -l "app.kubernetes.io/instance=$1" -o jsonpath='{range .items[*]}{.spec.resources.requests.storage} {.status.capacity.storage}{"\n"}{end}' | sort -u)
	[[ $all == "$2 $2" ]] || { echo "$all"; return 1; }
}
template_is() { [[ $(field "sts/$1" '{.spec.volumeClaimTemplates[0].spec.resources.requests.storage}') == "$2" ]]; }
sizes_are() { claims_are "$1" "$2" && template_is "$1" "$2" && [[ $(field "ms/$1" '{.spec.storage.resources.requests.storage}') == "$2" ]]; }
uids() { kubectl -n demo get pods -l "app.kubernetes.io/instance=$1" -o jsonpath='{range .items[*]}{.metadata.name}={.metadata.uid}{"\n"}{end}' | sort; }
primary() { field "$1" '{.status.primaryReplica}'; }

# writing SERVICE PASSWORD: rows one by one; $work/acknowledged has those that were.
writing() {
	local id=0 address
	address=$(service "$1")
	: >"$work/acknowledged"
	while [[ -e $work/write ]]; do
		id=$((id + 1))
		if [[ $(sql "$address" "$2" "USE app; INSERT INTO t VALUES ($id); SELECT $id") == "$id" ]]; then echo $id >>"$work/acknowledged"; fi
	done
}
start_writing() {
	touch "$work/write"
	writing "$1" "$2" &
	writer=$!
}
wrote_more() { (($(wc -l <"$work/acknowledged") > $1)); }
# nothing_is_missing SERVICE PASSWORD: ends the writing.
nothing_is_missing() {
	rm -f "$work/write"
	wait "$writer"
	sql "$(service "$1")" "$2" "USE app; SELECT id FROM t" | sort -n >"$work/there"
	sort "$work/acknowledged" >"$work/sent"
	[[ -s $work/sent && -z $(comm -23 "$work/sent" <(sort "$work/there")) ]] || {
		echo "$(wc -l <"$work/sent") acknowledged, $(wc -l <"$work/there") there"
		return 1
	}
}

# ---- the example as it stands ----
examples=test/e2e/examples
kubectl apply -f $examples/catalog.yaml >/dev/null 2>&1
admitted "example: database" $examples/mssqlserver-ag-cluster.yaml -n demo
check "example: Ready" ready ms/mssqlserver-ag-cluster 120
before=$(uids mssqlserver-ag-cluster)
password=$(sa_password ms/mssqlserver-ag-cluster)
check "example: a row" until_true 60 sql_says "$(service mssqlserver-ag-cluster)" "$password" "USE agdb1; CREATE TABLE kept (id int); INSERT INTO kept VALUES (1); SELECT id FROM kept" 1
admitted "example: request" $examples/msops-volume-expansion.yaml
check "example: Successful" until_true 90 request_is msops-vol-exp-ha-demo Successful
check "example: volumes, template and spec have 20Gi" sizes_are mssqlserver-ag-cluster 20Gi
check "example: Ready" ready ms/mssqlserver-ag-cluster 30
equal "example: no pod was restarted" "$before" "$(uids mssqlserver-ag-cluster)"
check "example: the row is there" until_true 30 sql_says "$(service mssqlserver-ag-cluster)" "$password" "USE agdb1; SELECT id FROM kept" 1
check "example: deleted" kubectl -n demo delete ms mssqlserver-ag-cluster --timeout=120s

# ---- online ----
database sales 1Gi
check "sales: Ready" ready ms/sales 120
password=$(sa_password ms/sales)
check "sales: a table" until_true 60 sql_says "$(service sales)" "$password" "IF OBJECT_ID(N'app.dbo.t') IS NULL EXEC(N'USE app; CREATE TABLE t (id int PRIMARY KEY)'); USE app; SELECT COUNT(*) FROM t" 0
start_writing sales "$password"
before=$(uids sales)
says "online: admitted" "$(request online sales Online 2Gi)" created
check "online: Successful" until_true 60 request_is online Successful
check "online: volumes, template and spec have 2Gi" sizes_are sales 2Gi
equal "online: no pod was restarted" "$before" "$(uids sales)"
says "online: kubectl get msops" "$(kubectl -n demo get msops online)" TYPE STATUS PROGRESS AGE VolumeExpansion Successful 3/3
says "online: Events" "$(kubectl -n demo get events --field-selector involvedObject.name=online -o jsonpath='{.items[*].reason}')" VolumeExpansionStarted VolumesExpanded
check "online: Ready" ready ms/sales 30
says "a second request is refused while one is under way" "$(simctl expansion demo/data-sales-1 slow 4; request first sales Online 3Gi; request second sales Online 4Gi 2>&1)" "first" "is P"
check "… and the first one ends" until_true 60 request_is first Successful
simctl expansion demo/data-sales-1 normal >/dev/null

# ---- offline ----
before=$(uids sales)
was=$(primary ms/sales)
says "offline: admitted" "$(request offline sales Offline 4Gi)" created
check "offline: Successful" until_true 180 request_is offline Successful
check "offline: volumes, template and spec have 4Gi" sizes_are sales 4Gi
equal "offline: every pod is a new one" "" "$(comm -12 <(echo "$before") <(uids sales))"
equal "offline: one hand-over" 1 "$(field ms/sales '{.status.failovers[*].from}' | tr ' ' '\n' | grep -c .)"
says "offline: … from the former primary" "$(field ms/sales '{.status.failovers[0].from}')" "$was"
for ordinal in 0 1 2; do simctl expansion demo/data-sales-$ordinal offline >/dev/null; done
request unmounted sales Online 5Gi >/dev/null
check "a driver that cannot do it online: its words are in the request" until_true 30 request_says unmounted "while it is attached to a node"
check "… which is deleted" kubectl -n demo delete msops unmounted
request mounted sales Offline 5Gi >/dev/null
check "… and offline it can" until_true 180 request_is mounted Successful
check "… all volumes have 5Gi" sizes_are sales 5Gi
for ordinal in 0 1 2; do simctl expansion demo/data-sales-$ordinal normal >/dev/null; done
check "sales: Ready" ready ms/sales 60

# ---- failures ----
simctl expansion demo/data-sales-1 refuse >/dev/null
request refused sales Online 6Gi >/dev/null
check "the driver refuses: the request says which volume and why" until_true 30 request_says refused "data-sales-1: the storage driver makes the disk 6Gi; it says: resize volume"
check "… the others have grown" until_true 30 request_says refused "Expanded-sales-2=True"
says "… PROGRESS" "$(kubectl -n demo get msops refused)" 2/3
check "… the request is deleted midway" kubectl -n demo delete msops refused
simctl expansion demo/data-sales-1 normal >/dev/null
check "… the database is Ready, and not paused" until_true 30 says_of ms/sales "Paused=False"
request again sales Online 6Gi >/dev/null
check "… a new request goes on from there" until_true 60 request_is again Successful
check "… all volumes have 6Gi" sizes_are sales 6Gi

simctl expansion demo/data-sales-2 stuck >/dev/null
request stuck sales Online 7Gi "timeout: 8s" >/dev/null
check "the node never does its part: Failed after the timeout" until_true 60 request_is stuck Failed
check "… which says so" request_says stuck "is to make its file system larger"
simctl expansion demo/data-sales-2 normal >/dev/null
request unstuck sales Online 7Gi >/dev/null
check "… a new request goes on from there" until_true 60 request_is unstuck Successful

# Room for a Gi more than what all claims here ask for: groups that were deleted before may have kept theirs.
asked=$(kubectl -n demo get pvc -o json | jq '[.items[].spec.resources.requests.storage | rtrimstr("Gi") | tonumber] | add')
kubectl -n demo create quota small --hard=requests.storage=$((asked + 1))Gi >/dev/null
quota_counts() { [[ $(field quota/small '{.status.used.requests\.storage}') == "${asked}Gi" ]]; }
check "a quota" until_true 60 quota_counts
request quota sales Online 8Gi >/dev/null
check "… stops it: Failed" until_true 90 request_is quota Failed
check "… which says so" request_says quota "exceeded quota"
kubectl -n demo delete quota small >/dev/null
request unlimited sales Online 8Gi >/dev/null
check "… without it a new request goes on from there" until_true 60 request_is unlimited Successful

kubectl -n demo patch pvc data-sales-0 --type merge -p '{"spec":{"resources":{"requests":{"storage":"12Gi"}}}}' >/dev/null
request larger sales Online 9Gi >/dev/null
check "a volume that is larger already stays as it is" until_true 60 request_is larger Successful
check "… which the request says" request_says larger "data-sales-0 has 12Gi, more than the 9Gi asked for"
request even sales Online 12Gi >/dev/null
check "… and the next one catches up" until_true 60 request_is even Successful
check "… all volumes have 12Gi" sizes_are sales 12Gi

# ---- the controller is killed in the middle of it ----
source test/e2e/kills.sh
check "kills: a lease of 3 s" lease_seconds 3
kills=${AGKEEPER_EXPANSION_KILLS:-10}
size=12
while ((killed_in_all < kills && size < 12 + kills)); do
	size=$((size + 1))
	mode=$( ((size % 2)) && echo Offline || echo Online)
	[[ $mode == Online ]] && simctl expansion demo/data-sales-1 slow 3 >/dev/null
	# The webhooks are away for moments, when both replicas have just been killed.
	check "kills: $mode to ${size}Gi is admitted" until_true 60 request "kills-$size" sales "$mode" "${size}Gi" "apply: Always"
	under_kills 4 check "kills: … is Successful" until_true 240 request_is "kills-$size" Successful
	check "kills: … everything says ${size}Gi" until_true 10 sizes_are sales "${size}Gi"
	simctl expansion demo/data-sales-1 normal >/dev/null
done
check "kills: $killed_in_all of them" test "$killed_in_all" -ge "$kills"
check "kills: the lease is as long as before" lease_as_before
check "agkeeper is available after that" until_true 120 agkeeper_ready
check "sales: Ready" ready ms/sales 120
check "sales: rows are written" until_true 30 wrote_more "$(wc -l <"$work/acknowledged")"

# ---- the disk is full ----
was=$(primary ms/sales)
failovers=$(field ms/sales '{.status.failovers[*].from}')
other=$(standby ms/sales)
simctl disk-full "demo/data-$other" >/dev/null
check "a standby's disk is full: Critical" until_true 60 phase_is ms/sales Critical
check "… StorageFull names it" until_true 30 says_of ms/sales "StorageFull=True VolumeFull: $other: volume data-$other is full"
simctl disk-take "demo/data-$other" 0 >/dev/null
check "… and is over with it" ready ms/sales 90
simctl disk-full "demo/data-$was" >/dev/null
check "the primary's disk is full: NotReady" until_true 60 phase_is ms/sales NotReady
check "… StorageFull names it" until_true 30 says_of ms/sales "StorageFull=True VolumeFull: $was: volume data-$was is full"
equal "… no failover for that" "$was $failovers" "$(primary ms/sales) $(field ms/sales '{.status.failovers[*].from}')"
before=$(uids sales)
count=$(wc -l <"$work/acknowledged")
grow=$(field ms/sales '{.status.conditions[?(@.type=="StorageFull")].message}' | sed 's/.*larger: //')
says "… the command that it shows is run" "$(bash -c "$grow" 2>&1)" created
check "… Ready again" until_true 90 phase_is ms/sales Ready
check "… writes go on" until_true 60 wrote_more "$count"
equal "… without a restart or a failover" "$before $was" "$(uids sales) $(primary ms/sales)"
check "sales: no acknowledged row is missing after all of it" nothing_is_missing sales "$password"

# ---- nobody to carry it out for ----
kubectl -n demo patch ms sales --type merge -p '{"spec":{"halted":true}}' >/dev/null
check "halted" until_true 60 phase_is ms/sales Halted
request halted sales Online 200Gi >/dev/null 2>&1
check "halted: a request fails with a reason" until_true 30 request_says halted "Failed=True DatabaseHalted"
check "sales: deleted" kubectl -n demo delete ms sales --timeout=120s
database gone 1Gi
check "gone: Ready" ready ms/gone 120
for ordinal in 0 1 2; do simctl expansion demo/data-gone-$ordinal refuse >/dev/null; done
request orphaned gone Online 3Gi >/dev/null
check "gone: a request is under way" until_true 30 request_is orphaned Progressing
check "gone: deleted under a request" kubectl -n demo delete ms gone --timeout=120s
check "gone: the request has failed with a reason" until_true 30 request_is orphaned Failed

# ---- by policy ----
database auto 1Gi "autoExpand: {atPercent: 80, by: 1Gi, max: 2500Mi}"
check "auto: Ready" ready ms/auto 120
simctl disk-take demo/data-auto-1 900Mi >/dev/null
check "auto: expanded by itself" until_true 90 sizes_are auto 2Gi
check "auto: Ready" ready ms/auto 60
simctl disk-take demo/data-auto-1 1900Mi >/dev/null
check "auto: … and again, up to max" until_true 90 sizes_are auto 2500Mi
simctl disk-take demo/data-auto-1 2400Mi >/dev/null
check "auto: … and no further" until_true 60 says_of ms/auto "AutoExpanded=False CannotExpand"
check "auto: deleted" kubectl -n demo delete ms auto --timeout=120s

# ---- a SQLServerAvailabilityGroup ----
cat >"$work/grow.yaml" <<'YAML'
apiVersion: sql.mssql.microsoft.com/v1alpha1
kind: SQLServerAvailabilityGroup
metadata: {name: grow, namespace: demo}
spec:
  agName: GROW
  image: mcr.microsoft.com/mssql/server:2022-CU16-ubuntu-22.04
  databases: [app]
  replicas: [{name: a}, {name: b}, {name: c}]
  listener: {name: grow-listener}
  storage: {dataVolumeSize: 1Gi, reclaimPolicy: Delete}
  autoExpand: {atPercent: 80, by: 1Gi, max: 5Gi}
YAML
admitted "grow: applied" "$work/grow.yaml"
check "grow: Ready" ready sqlag/grow 120
before=$(uids grow)
check "grow: dataVolumeSize is raised" kubectl -n demo patch sqlag grow --type merge -p '{"spec":{"storage":{"dataVolumeSize":"2Gi"}}}'
check "grow: … volumes follow" until_true 60 claims_are grow 2Gi
check "grow: … and the StatefulSet" until_true 30 template_is grow 2Gi
simctl disk-take demo/data-grow-2 1900Mi >/dev/null
check "grow: the policy expands all of them" until_true 60 claims_are grow 3Gi
check "grow: … and the StatefulSet" until_true 30 template_is grow 3Gi
equal "grow: spec is the user's" 2Gi "$(field sqlag/grow '{.spec.storage.dataVolumeSize}')"
check "grow: Ready" ready sqlag/grow 60
equal "grow: no pod was restarted" "$before" "$(uids grow)"
check "grow: deleted" kubectl -n demo delete sqlag grow --timeout=120s
kubectl -n demo delete msops --all >/dev/null
kubectl -n demo delete secrets -l app.kubernetes.io/component=database >/dev/null
