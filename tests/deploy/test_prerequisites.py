"""What the cluster's tests create before a release, found in its manifests; they need no cluster for it."""

from tests.cluster.chart import pod_specs, prerequisites, references
from tests.deploy.manifests import of_kind, rendered


def test_every_secret_is_found_with_the_keys_that_pods_name() -> None:
    found = references(rendered("medium"), "secret")
    assert found["triage-llm"] == {"api-key"}
    assert found["triage-helpdesk-token"] == {"token"}
    assert found["events-cluster-ca-cert"] == {"ca.crt"}
    assert found["triage-worker"] == {"password"}, "Strimzi makes it, for the worker's own user"
    assert references(rendered("small"), "secret") == {}


def test_the_test_pod_is_among_the_pods() -> None:
    names = [container["name"] for spec in pod_specs(rendered("small")) for container in spec["containers"]]
    assert sorted(names) == ["bundle", "router", "topics", "worker"]


def test_claims_get_a_volume_of_the_namespace() -> None:
    made = prerequisites(rendered("medium"), "support-1")
    (claim,) = of_kind(made, "PersistentVolumeClaim").values()
    (volume,) = of_kind(made, "PersistentVolume").values()
    assert claim["metadata"] == {"name": "triage-bundles", "namespace": "support-1"}
    assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
    assert volume["spec"]["claimRef"] == claim["metadata"]
    assert {item["metadata"]["namespace"] for item in made if item["kind"] == "Secret"} == {"support-1"}
