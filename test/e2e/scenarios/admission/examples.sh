# shellcheck shell=bash
# The manifests of the documents are admitted as they stand, and applying them again changes nothing.
examples=test/e2e/examples

admitted "examples: catalog.yaml" $examples/catalog.yaml
for file in "$examples"/*.yaml; do
	name=${file##*/}
	[[ $name != catalog.yaml && $name != msops-*.yaml ]] || continue
	admitted "examples: $name" "$file" -n demo
done
admitted "examples: msops-volume-expansion.yaml" $examples/msops-volume-expansion.yaml

for file in "$examples"/*.yaml; do
	name=${file##*/}
	before=$(kubectl -n demo get -f "$file" -o jsonpath='{.items[*].metadata.resourceVersion}{.metadata.resourceVersion}')
	output=$(kubectl apply -n demo -f "$file" 2>&1)
	if grep -v unchanged <<<"$output" | grep -q .; then
		not_ok "examples: $name: applied twice reports unchanged" "$output"
	else
		ok "examples: $name: applied twice reports unchanged"
	fi
	after=$(kubectl -n demo get -f "$file" -o jsonpath='{.items[*].metadata.resourceVersion}{.metadata.resourceVersion}')
	equal "examples: $name: resourceVersion stays" "$before" "$after"

	kubectl apply -n demo --server-side --force-conflicts -f "$file" >/dev/null 2>&1
	before=$(kubectl -n demo get -f "$file" -o jsonpath='{.items[*].metadata.resourceVersion}{.metadata.resourceVersion}')
	kubectl apply -n demo --server-side --force-conflicts -f "$file" >/dev/null 2>&1
	after=$(kubectl -n demo get -f "$file" -o jsonpath='{.items[*].metadata.resourceVersion}{.metadata.resourceVersion}')
	equal "examples: $name: server-side apply twice leaves resourceVersion" "$before" "$after"
done

# An API server that cannot build the kind's model takes the list as one value, and every apply as a change.
equal "server-side apply owns replicas one by one" 3 \
	"$(kubectl get --raw /apis/sql.mssql.microsoft.com/v1alpha1/namespaces/demo/sqlserveravailabilitygroups/mssql-ag |
		jq '[.metadata.managedFields[] | select(.operation == "Apply") | .fieldsV1["f:spec"]["f:replicas"] // {} | keys[] |
			select(startswith("k:"))] | length')"

# What the user left out is filled in.
equal "defaults: failoverMode Automatic for a synchronous replica" "Automatic Automatic Automatic" \
	"$(field sqlag/mssql-ag '{.spec.replicas[*].failoverMode}')"
equal "defaults: what stands inside list elements stays as written" "true true" "$(field sqlag/mssql-ag '{.spec.replicas[*].readableSecondary}')"

kubectl -n demo delete msops --all >/dev/null
kubectl -n demo delete sqlag,ms --all >/dev/null
