# shellcheck shell=bash
# shellcheck disable=SC2154 # variables of test/e2e/run and test/e2e/nodes.sh
# Images that nobody has, another class; then everything goes, as reclaim policies say.
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
check "end: pods are stopped" until_true 90 is_gone pods -l app.kubernetes.io/instance
check "storage: its claim goes with the last pod, Retain keeps the volume and what is on it" until_true 20 bash -c \
	"[[ -z \$(kubectl -n demo get pvc data-alone-0 --ignore-not-found -o name) && \$(kubectl get pv $volume -o jsonpath='{.status.phase}') == Released && -d $simnode_state/disks/$volume/data ]]"
kubectl delete pv "$volume" >"$work/out"
disk=$simnode_state/disks/$(field "pvc/$claim-0" '{.spec.volumeName}')
kubectl -n demo delete pvc --all >"$work/out"
disk_is_gone() { gives '' kubectl get pv -o name && [[ ! -e $disk ]]; }
check "storage: Delete removes volume and disk" until_true 30 disk_is_gone
