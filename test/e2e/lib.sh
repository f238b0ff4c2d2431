# shellcheck shell=bash
# What the scenarios share.

# admitted NAME FILE [KUBECTL-ARGUMENTS]: the manifests are applied without an error.
admitted() {
	local name=$1 file=$2
	shift 2
	check "$name" kubectl apply -f "$file" "$@"
}

# refused NAME FILE TEXT...: the API server refuses, with every text in kubectl's output.
refused() {
	local name=$1 file=$2 output
	shift 2
	if output=$(kubectl apply -f "$file" 2>&1); then
		not_ok "$name" "was admitted: $output"
		return
	fi
	says "$name" "$output" "$@"
}

# says NAME OUTPUT TEXT...: every text stands in the output.
says() {
	local name=$1 output=$2 text
	shift 2
	for text; do
		if [[ $output != *"$text"* ]]; then
			not_ok "$name" "expected: $text
got: $output"
			return
		fi
	done
	ok "$name"
}

# equal NAME EXPECTED ACTUAL
equal() {
	if [[ $2 == "$3" ]]; then ok "$1"; else not_ok "$1" "expected: $2
got: $3"; fi
}

# field KIND/NAME JSONPATH [KUBECTL-ARGUMENTS]: a field of an object in namespace demo.
field() {
	local object=$1 path=$2
	shift 2
	kubectl -n demo get "$object" -o jsonpath="$path" "$@"
}

# agkeeper_ready: two replicas answer.
agkeeper_ready() {
	kubectl -n agkeeper-system wait --for=condition=Available --timeout=2s deployment/agkeeper
}

# golden FILE: the objects of a golden file of test/unit/golden, as one can apply them without the object that owns them.
golden() {
	local budget=policy/v1
	kubectl api-versions | grep -qx policy/v1 || budget=policy/v1beta1
	jq --arg budget "$budget" '.items |= map(select(.kind != "ServiceMonitor") | del(.metadata.ownerReferences)
		| if .kind == "PodDisruptionBudget" then .apiVersion = $budget else . end)' "test/unit/golden/$1"
}

# simctl COMMAND...: a fault, or what there is (simnode ctl help).
simctl() {
	"${AGKEEPER_BUILD_DIR:-build}/simnode" ctl --state "$simnode_state" "$@"
}
