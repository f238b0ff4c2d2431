# shellcheck shell=bash
# One object, read and written in both versions.
kubectl apply -f test/e2e/examples/catalog.yaml >/dev/null
kubectl apply -f test/e2e/examples/ha-mssqlserver.yaml >/dev/null
kubectl apply -f test/e2e/examples/mssqlserver-ag-cluster.yaml >/dev/null 2>&1

equal "versions: v1 StreamingReplication is the default for several replicas" "StreamingReplication Warm Asynchronous" \
	"$(field mssqlservers.v1.kubedb.com/ha-mssqlserver '{.spec.mode} {.spec.standbyMode} {.spec.streamingMode}')"
equal "versions: the same object in v1alpha2" "StreamingReplication Passive AsynchronousCommit" \
	"$(field mssqlservers.v1alpha2.kubedb.com/ha-mssqlserver '{.spec.topology.mode} {.spec.topology.availabilityGroup.secondaryAccessMode} {.spec.topology.availabilityGroup.availabilityMode}')"
equal "versions: v1alpha2 AvailabilityGroup in v1" "AvailabilityGroup Hot agdb1 agdb2" \
	"$(field mssqlservers.v1.kubedb.com/mssqlserver-ag-cluster '{.spec.mode} {.spec.standbyMode} {.spec.databases[*]}')"
equal "versions: lists convert" "ha-mssqlserver mssqlserver-ag-cluster" \
	"$(kubectl -n demo get mssqlservers.v1.kubedb.com -o jsonpath='{.items[*].metadata.name}')"

# There and back: what is read in the other version and written again is what was there.
for version in v1 v1alpha2; do
	for name in ha-mssqlserver mssqlserver-ag-cluster; do
		before=$(kubectl -n demo get mssqlservers.v1alpha2.kubedb.com/$name -o json | jq -S .spec)
		check "versions: $name written back in $version" \
			bash -c "kubectl -n demo get mssqlservers.$version.kubedb.com/$name -o json | kubectl -n demo replace -f -"
		after=$(kubectl -n demo get mssqlservers.v1alpha2.kubedb.com/$name -o json | jq -S .spec)
		equal "versions: $name is the same after a round trip through $version" "$before" "$after"
	done
done

# An edit in the short form is the long form's too.
check "versions: edited in v1" kubectl -n demo patch mssqlservers.v1.kubedb.com/ha-mssqlserver --type merge -p '{"spec":{"standbyMode":"Hot"}}'
equal "versions: seen in v1alpha2" "All" "$(field mssqlservers.v1alpha2.kubedb.com/ha-mssqlserver '{.spec.topology.availabilityGroup.secondaryAccessMode}')"

kubectl -n demo delete ms --all >/dev/null
