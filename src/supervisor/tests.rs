use super::*;

const SOON: Duration = Duration::from_secs(5);

fn phase(kind: Kind, deadline: Duration) -> Phase {
    Phase { kind, title: "test", deadline, work: Box::pin(async { Ok(()) }) }
}

#[tokio::test]
async fn phases_stop_their_tasks_in_order() {
    let supervisor = Supervisor::default();
    let order = Arc::new(Mutex::new(Vec::new()));
    for kind in [Kind::Serving, Kind::Source, Kind::Store] {
        let (stop, order) = (supervisor.stopping(kind), order.clone());
        supervisor.spawn(kind, format!("{kind:?}"), async move {
            stop.cancelled().await;
            order.lock().push(kind);
            Ok(())
        });
    }
    let phases = [Kind::Source, Kind::Store, Kind::Serving].map(|kind| phase(kind, SOON)).into();
    assert!(supervisor.drain(phases).await);
    assert_eq!(*order.lock(), [Kind::Source, Kind::Store, Kind::Serving]);
    assert_eq!(supervisor.first_failure(), None);
}

#[tokio::test]
async fn what_a_start_leaves_behind_finishes_its_step() {
    let supervisor = Supervisor::default();
    let order = Arc::new(Mutex::new(Vec::new()));
    for kind in [Kind::Serving, Kind::Source] {
        let (stop, order) = (supervisor.stopping(kind), order.clone());
        supervisor.spawn(kind, format!("{kind:?}"), async move {
            stop.cancelled().await;
            tokio::task::yield_now().await;
            order.lock().push(kind);
            Ok(())
        });
    }
    supervisor.spawn(Kind::Store, "deaf", std::future::pending());
    tokio::time::timeout(SOON, supervisor.abandon(Duration::from_millis(20))).await.expect("it does not wait for ever");
    assert_eq!(
        (&order.lock()[..], supervisor.running(Kind::Store)),
        (&[Kind::Source, Kind::Serving][..], vec!["deaf".into()])
    );
}

#[tokio::test]
async fn a_task_that_ignores_its_phase_is_left_behind_at_the_deadline() {
    let supervisor = Supervisor::default();
    supervisor.spawn(Kind::Source, "deaf", std::future::pending());
    assert!(!supervisor.drain(vec![phase(Kind::Source, Duration::from_millis(20))]).await);
    assert_eq!(supervisor.running(Kind::Source), ["deaf"]);
}

#[tokio::test]
async fn the_panic_of_a_vital_task_is_reported_by_name() {
    let supervisor = Supervisor::default();
    supervisor.spawn(Kind::Store, "flusher", async { panic!("disk on fire") });
    tokio::time::timeout(SOON, supervisor.failed()).await.expect("the failure is noticed");
    assert_eq!(supervisor.first_failure().as_deref(), Some("flusher: panicked: disk on fire"));
}

#[tokio::test]
async fn the_failure_of_a_source_leaves_the_rest_running() {
    let supervisor = Supervisor::default();
    supervisor.spawn(Kind::Source, "files", async { anyhow::bail!("no such directory") });
    tokio::time::timeout(SOON, supervisor.wait_for(Kind::Source)).await.expect("the task ends");
    assert_eq!(supervisor.first_failure(), None);
}
