# shellcheck shell=bash
# shellcheck disable=SC2154 # $work comes from test/e2e/run
# The manifests of the documents come up, serve rows, and go without a trace.
examples=test/e2e/examples
kubectl apply -f $examples/catalog.yaml >/dev/null

# example FILE KIND/NAME PRIMARY-SERVICE READABLE-SERVICE-OR-EMPTY DATABASE
example() {
	local file=$1 object=$2 name=${2#*/} primary=$3 readable=$4 database=$5 password
	admitted "$name: applied" "$examples/$file" -n demo
	check "$name: Ready" ready "$object" 120
	password=$(sa_password "$object")
	[[ $database ]] || {
		database=app
		# A user makes the database: streaming replication takes every one, into another group a DBA puts it.
		sql "$(service "$primary")" "$password" "CREATE DATABASE app" >"$work/made"
		[[ $object != sqlag/* ]] || sql "$(service "$primary")" "$password" "ALTER DATABASE app SET RECOVERY FULL; BACKUP DATABASE app TO DISK = N'/var/opt/mssql/data/app.bak'; ALTER AVAILABILITY GROUP [AG1] ADD DATABASE app" >>"$work/made"
		check "$name: a new database joins the group" until_true 60 sql_says "$(service "$primary")" "$password" \
			"SELECT COUNT(*) FROM sys.dm_hadr_database_replica_states s JOIN sys.databases d ON d.database_id = s.database_id WHERE d.name = 'app' AND s.is_suspended = 0" 3
	}
	check "$name: rows are written through Service $primary" until_true 30 sql_says "$(service "$primary")" "$password" \
		"IF OBJECT_ID(N'$database.dbo.t') IS NULL EXEC(N'USE $database; CREATE TABLE t (id int PRIMARY KEY, word nvarchar(20))'); USE $database; DELETE FROM t; INSERT INTO t VALUES (1, N'eins'), (2, N'zwei'); SELECT COUNT(*) FROM t" 2
	if [[ $readable ]]; then
		check "$name: … and read through $readable" until_true 30 sql_says "$(service "$readable")" "$password" \
			"USE $database; SELECT word FROM t WHERE id = 2" zwei
		says "$name: writes on a standby are Msg 3906" "$(sql "$(pod_ip "$(standby "$object")")" "$password" "USE $database; INSERT INTO t VALUES (3, N'drei')")" 3906
	fi
	all_synchronized() { [[ $(field "$1" '{.status.synchronized}') == 3/3 ]]; }
	check "$name: all are synchronized again" until_true 60 all_synchronized "$object"
	says "$name: kubectl get" "$(kubectl -n demo get "$object" -o wide)" "$(field "$object" '{.status.primaryReplica}')" 3/3
}

# trusting CA-FILE ADDRESS PASSWORD: logs in, if that CA signed what the server shows.
trusting() {
	printf '[global]\n\tencryption = require\n\tca file = %s\n\tcheck certificate hostname = no\n\tconnect timeout = 5\n' \
		"$1" >"$work/trusting.conf"
	printf 'SELECT 42\ngo\n' >"$work/trusting.sql"
	FREETDSCONF=$work/trusting.conf timeout 30 bsqldb -q -h -S "$2:1433" -U sa -P "$3" -i "$work/trusting.sql" 2>&1 | grep -q "^ *42$"
}

# not_trusting CA-FILE ADDRESS PASSWORD
not_trusting() { ! trusting "$@"; }

# shown NAME: every pod was started with the certificate that the Secret holds, and that one has this name.
shown() {
	kubectl -n demo get secret "$1-server-cert" -o json | jq -r '.data["tls.crt"]' | base64 -d >"$work/$1-now.crt"
	openssl x509 -in "$work/$1-now.crt" -noout -ext subjectAltName | grep -q "DNS:$2" || return 1
	kubectl -n demo get pods -l "app.kubernetes.io/instance=$1" -o json |
		jq -e --arg sum "$(sha256sum "$work/$1-now.crt" | cut -c1-32)" \
			'[.items[].metadata.annotations["agkeeper.dev/certificate-checksum"]] | length == 3 and all(. == $sum)' >/dev/null
}

# certified KIND/NAME SERVICE: the server shows the certificate that was issued, for the names that lead there.
certified() {
	local object=$1 name=${1#*/} service=$2 password key
	password=$(sa_password "$object")
	for key in ca.crt tls.crt; do
		kubectl -n demo get secret "$name-server-cert" -o json | jq -r --arg key "$key" '.data[$key]' | base64 -d >"$work/$name-$key"
	done
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=other -keyout "$work/other.key" -out "$work/other.crt" 2>"$work/out"
	check "$name: clients that trust ca.crt of its Secret log in" until_true 30 trusting "$work/$name-ca.crt" "$(service "$service")" "$password"
	check "$name: … and such that trust another CA do not" not_trusting "$work/other.crt" "$(service "$service")" "$password"
	for host in "$service.demo.svc" "$name-0.$name-pods.demo.svc.cluster.local" localhost; do
		check "$name: its certificate is for $host" openssl verify -CAfile "$work/$name-ca.crt" -verify_hostname "$host" "$work/$name-tls.crt"
	done
	kubectl -n demo patch "$object" --type merge \
		-p '{"spec":{"tls":{"certificates":[{"alias":"server","dnsNames":["sql.example.com"]}]}}}' >/dev/null
	check "$name: one more name is another certificate, with which every pod is restarted" until_true 90 shown "$name" sql.example.com
	check "$name: … and Ready again" ready "$object" 60
	check "$name: … by the same CA" openssl verify -CAfile "$work/$name-ca.crt" "$work/$name-now.crt"
	equal "$name: condition CertificateIssuerMissing" \
		"$(field "$object" '{.status.conditions[?(@.type=="CertificateIssuerMissing")].status}')" True
}

# deleted KIND/NAME: with what is kept of it: "", "secrets" or "secrets pvc".
deleted() {
	local object=$1 name=${1#*/} kept=$2 kind
	check "$name: deleted" kubectl -n demo delete "$object" --timeout=120s
	for kind in pods statefulsets services configmaps pdb pvc secrets; do
		if [[ " $kept " == *" $kind "* ]]; then
			if none_left "$kind" "$name" >/dev/null; then not_ok "$name: keeps its $kind"; else ok "$name: keeps its $kind"; fi
		else
			check "$name: no $kind are left" until_true 60 none_left "$kind" "$name"
		fi
	done
}

example sqlag-three-sync.yaml sqlag/mssql-ag mssql-ag-listener mssql-ag-listener-ro ""
deleted sqlag/mssql-ag "" # reclaimPolicy Delete
example mssqlserver-ag-cluster.yaml ms/mssqlserver-ag-cluster mssqlserver-ag-cluster mssqlserver-ag-cluster-secondary agdb1
certified ms/mssqlserver-ag-cluster mssqlserver-ag-cluster
deleted ms/mssqlserver-ag-cluster ""
example ha-mssqlserver.yaml ms/ha-mssqlserver ha-mssqlserver "" ""
deleted ms/ha-mssqlserver secrets
example hot-mssqlserver.yaml ms/hot-mssqlserver hot-mssqlserver hot-mssqlserver-replicas ""
deleted ms/hot-mssqlserver secrets
kubectl -n demo delete secrets -l app.kubernetes.io/component=database >/dev/null
