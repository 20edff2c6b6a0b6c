use super::*;

#[test]
fn a_policy_has_kubernetes_field_names_and_defaults() {
    let text = r#"{"maxReplicas": 5, "metrics": [{"name": "qps", "target": {"averageValue": "100"}}],
        "behavior": {"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}}}"#;
    let policy: ScalePolicy = serde_json::from_str(text).unwrap();
    assert_eq!((policy.min_replicas, policy.problems()), (1, vec![]));
    let behavior = policy.behavior.unwrap();
    assert_eq!(behavior.scale_up.rates(true).len(), 2, "a direction that is not given has its defaults");
    assert_eq!(behavior.scale_down.rates(false).len(), 1);
}

#[test]
fn unknown_fields_are_refused() {
    let text = r#"{"maxReplicas": 5, "metrics": [], "minReplica": 1}"#;
    assert!(serde_json::from_str::<ScalePolicy>(text).unwrap_err().to_string().contains("minReplica"));
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let text = r#"{"minReplicas": 0, "maxReplicas": 0, "metrics": [{"name": "cpu", "target": {"utilization": 0}}],
        "behavior": {"scaleUp": {"stabilizationWindowSeconds": 3601, "tolerance": -1, "policies": []},
                     "scaleDown": {"policies": [{"type": "Percent", "value": 0, "periodSeconds": 1801}]}}}"#;
    let policy: ScalePolicy = serde_json::from_str(text).unwrap();
    assert_eq!(policy.problems().len(), 8, "{:#?}", policy.problems());
}
