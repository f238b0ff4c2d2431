# shellcheck shell=bash disable=SC2154 # cluster and the settings are set by cluster.sh
# How each part of the control plane is started and known to be ready. Every part listens on 127.0.0.1 only.

start_etcd() {
	start etcd "$etcd" --name test --data-dir "$cluster/etcd" \
		--listen-client-urls "http://127.0.0.1:$etcd_port" --advertise-client-urls "http://127.0.0.1:$etcd_port" \
		--listen-peer-urls "http://127.0.0.1:$etcd_peer_port" --initial-advertise-peer-urls "http://127.0.0.1:$etcd_peer_port" \
		--initial-cluster "test=http://127.0.0.1:$etcd_peer_port" \
		--quota-backend-bytes $((8 << 30)) --unsafe-no-fsync
}
ready_etcd() {
	[[ $(fetch "http://127.0.0.1:$etcd_port/health") == *true* ]]
}

# No endpoint reconciler: it would put the API server's address into the Endpoints of default/kubernetes, where a
# loopback address is refused.
start_kube-apiserver() {
	start kube-apiserver "$kube_apiserver" --etcd-servers "http://127.0.0.1:$etcd_port" \
		--bind-address 127.0.0.1 --advertise-address 127.0.0.1 --secure-port "$api_port" \
		--tls-cert-file "$cluster/pki/server.crt" --tls-private-key-file "$cluster/pki/server.key" --cert-dir "$cluster/pki" \
		--client-ca-file "$cluster/pki/ca.crt" --authorization-mode RBAC --allow-privileged=true \
		--service-cluster-ip-range "127.$((96 + network)).0.0/16" --endpoint-reconciler-type none \
		--service-account-issuer https://kubernetes.default.svc.cluster.local \
		--service-account-key-file "$cluster/pki/service-account.key" \
		--service-account-signing-key-file "$cluster/pki/service-account.key"
}
ready_kube-apiserver() {
	[[ $(fetch "https://127.0.0.1:$api_port/readyz") == ok ]]
}

# The endpoint controllers stay off because Endpoints refuse loopback addresses, which all pods here have; attaching is
# the simulated CSI driver's business. Each controller acts under an account of its own, as kubeadm sets it up, so that
# a webhook sees who really asks.
start_kube-controller-manager() {
	local insecure_port=() further
	takes "$kube_controller_manager" --port=0 && insecure_port=(--port=0)
	read -r -d '' -a further <<<"${AGKEEPER_CLUSTER_CONTROLLER_FLAGS:-}" || true # on several lines, too
	start kube-controller-manager "$kube_controller_manager" --bind-address 127.0.0.1 --secure-port "$controllers_port" \
		"${insecure_port[@]}" --kubeconfig "$cluster/controller-manager.kubeconfig" \
		--authentication-kubeconfig "$cluster/controller-manager.kubeconfig" \
		--authorization-kubeconfig "$cluster/controller-manager.kubeconfig" \
		--tls-cert-file "$cluster/pki/server.crt" --tls-private-key-file "$cluster/pki/server.key" \
		--root-ca-file "$cluster/pki/ca.crt" --service-account-private-key-file "$cluster/pki/service-account.key" \
		--use-service-account-credentials --leader-elect=false \
		--controllers '*,-endpoint,-endpointslice,-endpointslicemirroring,-attachdetach' "${further[@]}"
}
# Ready when its work shows: no pod can be created before the namespace has its service account and the CA bundle.
ready_kube-controller-manager() {
	[[ $(fetch "https://127.0.0.1:$controllers_port/healthz") == ok ]] &&
		kube get -n default serviceaccount/default configmap/kube-root-ca.crt
}

start_kube-scheduler() {
	local insecure_port=()
	takes "$kube_scheduler" --port=0 && insecure_port=(--port=0)
	start kube-scheduler "$kube_scheduler" --bind-address 127.0.0.1 --secure-port "$scheduler_port" \
		"${insecure_port[@]}" --kubeconfig "$cluster/scheduler.kubeconfig" \
		--authentication-kubeconfig "$cluster/scheduler.kubeconfig" \
		--authorization-kubeconfig "$cluster/scheduler.kubeconfig" \
		--tls-cert-file "$cluster/pki/server.crt" --tls-private-key-file "$cluster/pki/server.key" \
		--leader-elect=false
}
ready_kube-scheduler() {
	[[ $(fetch "https://127.0.0.1:$scheduler_port/healthz") == ok ]]
}

# takes PROGRAM FLAG: whether this release knows a flag that others have removed (or not yet got).
takes() {
	"$1" "$2" --version >/dev/null 2>&1
}

fetch() {
	curl --silent --noproxy '*' --max-time 2 --cacert "$cluster/pki/ca.crt" \
		--cert "$cluster/pki/admin.crt" --key "$cluster/pki/admin.key" "$1" || true
}

kube() {
	"$kubectl" --kubeconfig "$cluster/admin.kubeconfig" --cache-dir "$cluster/kubectl-cache" --request-timeout 5s "$@" >/dev/null 2>&1
}
