# shellcheck shell=bash
# shellcheck disable=SC2154 # $work comes from test/e2e/run
# One verdict a file in test/e2e/cases. A file starts with what is expected of its last part:
#   # admitted            or   # refused: TEXT        (several: every text must be in kubectl's output)
#   # warns: TEXT         a warning that kubectl prints beside
# then come manifests; a line "# when" separates those that must be there before from those that are judged.

run_case() {
	local file=$1 name=${1##*/} output status=0 expectation
	name="case: ${name%.yaml}"
	awk -v given="$work/given.yaml" -v when="$work/when.yaml" '
		BEGIN { out = given; printf "" > given; printf "" > when }
		/^# when$/ { out = when; next }
		{ print > out }' "$file"
	if [[ ! -s $work/when.yaml ]]; then
		mv "$work/given.yaml" "$work/when.yaml"
		: >"$work/given.yaml"
	fi
	if grep -q '^kind:' "$work/given.yaml" && ! output=$(kubectl -n demo apply -f "$work/given.yaml" 2>&1); then
		not_ok "$name" "what is given was refused: $output"
		return
	fi
	output=$(kubectl -n demo apply -f "$work/when.yaml" 2>&1) || status=$?
	local texts=() failure=
	while IFS= read -r expectation; do
		case $expectation in
		"# admitted") ((status == 0)) || failure="was refused" ;;
		"# refused: "*)
			((status != 0)) || failure="was admitted"
			texts+=("${expectation#\# refused: }")
			;;
		"# warns: "*) texts+=("${expectation#\# warns: }") ;;
		esac
	done < <(grep -E '^# (admitted|refused: |warns: )' "$file")
	if [[ -n $failure ]]; then not_ok "$name" "$failure: $output"; else says "$name" "$output" "${texts[@]}"; fi
	kubectl -n demo delete --ignore-not-found --wait=false -f "$file" >/dev/null 2>&1
}

kubectl apply -f test/e2e/examples/catalog.yaml >/dev/null
for file in test/e2e/cases/*.yaml; do run_case "$file"; done
kubectl -n demo delete msops,sqlag,ms --all >/dev/null 2>&1
