# shellcheck shell=bash
# The samples in manifests/ work as they stand, in the order a person would apply them.
for name in mssqlserverversion sqlserveravailabilitygroup mssqlserver mssqlserver-availabilitygroup mssqlserveropsrequest; do
	admitted "samples: $name.yaml" manifests/samples/$name.yaml -n demo
	says "samples: $name.yaml applied twice is unchanged" "$(kubectl apply -n demo -f manifests/samples/$name.yaml 2>&1)" unchanged
done
kubectl -n demo delete msops,sqlag,ms --all >/dev/null 2>&1
kubectl delete -f manifests/samples/mssqlserverversion.yaml >/dev/null
