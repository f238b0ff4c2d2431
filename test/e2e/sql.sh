# shellcheck shell=bash
# shellcheck disable=SC2154 # $work comes from test/e2e/run
# SQL Server as users reach it: through Services, with FreeTDS's own clients.

printf '[global]\n\tclient charset = UTF-8\n\tencryption = require\n\tconnect timeout = 5\n\ttimeout = 20\n' >"$work/freetds.conf"

# sa_password KIND/NAME: what the Secret holds, generated or given.
sa_password() {
	case $1 in
	sqlag/*) kubectl -n demo get secret "${1#*/}-sa" -o jsonpath='{.data.SA_PASSWORD}' | base64 -d ;;
	ms/*) kubectl -n demo get secret "${1#*/}-auth" -o jsonpath='{.data.password}' | base64 -d ;;
	esac
}

# sql ADDRESS PASSWORD BATCH: as sa; rows as they come, errors as "Msg …"; fails when nobody answered.
sql() {
	printf '%s\ngo\n' "$3" >"$work/batch.$BASHPID.sql"
	FREETDSCONF=$work/freetds.conf timeout 30 bsqldb -q -h -t'|' -S "$1:1433" -U sa -P "$2" -i "$work/batch.$BASHPID.sql" 2>&1
}

# service NAME, pod_ip POD: addresses in namespace demo.
service() { kubectl -n demo get service "$1" -o jsonpath='{.spec.clusterIP}'; }
pod_ip() { kubectl -n demo get pod "$1" -o jsonpath='{.status.podIP}'; }

# ready KIND/NAME SECONDS: condition Ready; otherwise shows why not.
ready() {
	kubectl -n demo wait --for=condition=Ready --timeout="$2s" "$1" && return
	kubectl -n demo get "$1" -o jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{"\n"}{end}'
	kubectl -n demo get pods -o wide
	return 1
}

# sql_says ADDRESS PASSWORD BATCH EXPECTED: the answer is exactly that.
sql_says() {
	local answer
	answer=$(sql "$1" "$2" "$3")
	[[ $answer == "$4" ]] || {
		printf 'expected: %s\ngot: %s\n' "$4" "$answer"
		return 1
	}
}

# gone KIND/NAME...: none of the objects of these kinds is left.
none_left() {
	local left
	left=$(kubectl -n demo get "$1" -l "app.kubernetes.io/instance=$2" -o name 2>&1)
	[[ -z $left || $left == "No resources found"* ]] || {
		echo "$left"
		return 1
	}
}

# leader: the pod of agkeeper that leads.
leader() { kubectl -n agkeeper-system get lease agkeeper -o jsonpath='{.spec.holderIdentity}' | sed 's/_.*//'; }

# standby KIND/NAME: a pod that is not the primary.
standby() { kubectl -n demo get pods -l "app.kubernetes.io/instance=${1#*/}" -o name | sed 's|pod/||' | grep -v "^$(field "$1" '{.status.primaryReplica}')$" | head -n 1; }
