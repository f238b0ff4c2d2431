# shellcheck shell=bash disable=SC2154 # cluster is set by lib.sh
# The test cluster's own CA, the certificates and kubeconfigs made with it, and the service account key.
# To be read by cluster.sh; everything lands in $cluster/pki and $cluster/*.kubeconfig.

# make_credentials PORT: everything the control plane needs; what exists is kept. PORT is the API server's.
make_credentials() {
	local pki=$cluster/pki
	[[ ! -e $pki/complete ]] || return 0
	mkdir -p "$pki"
	chmod 700 "$pki"
	printf '[req]\ndistinguished_name = none\n[none]\n' >"$pki/openssl.cnf" # no default extensions: each is named below

	openssl_quiet req -x509 -config "$pki/openssl.cnf" -days 3650 -subj "/CN=agkeeper-test-ca" \
		-newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout "$pki/ca.key" -out "$pki/ca.crt" \
		-addext "basicConstraints = critical, CA:TRUE" -addext "keyUsage = critical, keyCertSign, cRLSign"

	# 127.(96 + network).0.1 is the ClusterIP of the Service default/kubernetes.
	certificate server "/CN=kube-apiserver" serverAuth \
		"IP:127.0.0.1, IP:127.$((96 + network)).0.1, DNS:localhost, DNS:kubernetes, DNS:kubernetes.default, DNS:kubernetes.default.svc, DNS:kubernetes.default.svc.cluster.local"
	certificate admin "/O=system:masters/CN=kubernetes-admin" clientAuth
	certificate controller-manager "/CN=system:kube-controller-manager" clientAuth
	certificate scheduler "/CN=system:kube-scheduler" clientAuth
	openssl_quiet genrsa -out "$pki/service-account.key" 2048

	kubeconfig admin "$1"
	kubeconfig controller-manager "$1"
	kubeconfig scheduler "$1"
	touch "$pki/complete"
}

# certificate NAME SUBJECT USAGE [ALTERNATIVE NAMES]
certificate() {
	openssl_quiet req -x509 -config "$pki/openssl.cnf" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -days 3650 -subj "$2" \
		-newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout "$pki/$1.key" -out "$pki/$1.crt" \
		-addext "basicConstraints = critical, CA:FALSE" -addext "keyUsage = critical, digitalSignature" \
		-addext "extendedKeyUsage = $3" ${4:+-addext "subjectAltName = $4"}
}

# kubeconfig NAME PORT: self-contained, so that the file may be copied elsewhere.
kubeconfig() {
	cat >"$cluster/$1.kubeconfig" <<-END
		apiVersion: v1
		kind: Config
		clusters:
		- name: agkeeper-test
		  cluster:
		    server: https://127.0.0.1:$2
		    certificate-authority-data: $(base64 -w 0 "$pki/ca.crt")
		users:
		- name: $1
		  user:
		    client-certificate-data: $(base64 -w 0 "$pki/$1.crt")
		    client-key-data: $(base64 -w 0 "$pki/$1.key")
		contexts:
		- name: agkeeper-test
		  context: {cluster: agkeeper-test, user: $1}
		current-context: agkeeper-test
	END
	chmod 600 "$cluster/$1.kubeconfig"
}

# openssl reports its progress on stderr; it matters only when it fails.
openssl_quiet() {
	local output
	output=$(openssl "$@" 2>&1 </dev/null) || die "openssl $1 failed: $output"
}
