//! Leases of serving processes, on an adapter for one machine: one serves at a time.

use super::Fixture;
use super::check::snapshot;
use super::tenant::settled;
use crate::{NodeId, NodeRow, NodeStore, Registration, UnixMicros};

/// A second process is refused while the first one's lease runs, and told whose it is.
pub async fn a_second_node_is_told_who_holds_the_store(fixture: &impl Fixture) {
    let store = fixture.store();
    register(&store, &node(1, 100), 0).await;
    let other = fixture.store();
    for now in [0, 99] {
        let answer = other.register(node(2, 500), UnixMicros(now)).await.unwrap();
        assert_eq!(answer, Registration::HeldBy(node(1, 100)));
        assert_eq!(store.nodes().await.unwrap(), [node(1, 100)]);
    }
}

/// A lease that ran out is taken over, from its last microsecond on; the former holder is off the list.
pub async fn a_lease_that_ran_out_is_taken_over(fixture: &impl Fixture) {
    let store = fixture.store();
    register(&store, &node(1, 100), 0).await;
    register(&fixture.store(), &node(2, 200), 100).await;
    assert_eq!(store.nodes().await.unwrap(), [node(2, 200)]);
    register(&store, &node(3, 300), 1_000).await;
    assert_eq!(store.nodes().await.unwrap(), [node(3, 300)]);
}

/// A node that was replaced learns it from its next renewal, and does not disturb its successor.
pub async fn a_replaced_node_cannot_renew(fixture: &impl Fixture) {
    let store = fixture.store();
    assert!(
        !store.renew(id(1), UnixMicros(100), 1).await.unwrap(),
        "nobody is registered"
    );
    register(&store, &node(1, 100), 0).await;
    register(&store, &node(2, 200), 150).await;
    assert!(!store.renew(id(1), UnixMicros(900), 7).await.unwrap());
    assert_eq!(store.nodes().await.unwrap(), [node(2, 200)]);
}

/// A renewal moves the lease and what was applied, and nothing else.
pub async fn a_renewal_moves_the_lease(fixture: &impl Fixture) {
    let store = fixture.store();
    register(&store, &node(1, 100), 0).await;
    assert!(store.renew(id(1), UnixMicros(300), 42).await.unwrap());
    let renewed = NodeRow {
        lease_until: UnixMicros(300),
        applied: 42,
        ..node(1, 100)
    };
    assert_eq!(store.nodes().await.unwrap(), std::slice::from_ref(&renewed));
    let answer = fixture
        .store()
        .register(node(2, 500), UnixMicros(150))
        .await
        .unwrap();
    assert_eq!(answer, Registration::HeldBy(renewed));
}

/// A process may register again under its own id: it does not hold the store against itself.
pub async fn a_node_may_register_again(fixture: &impl Fixture) {
    let store = fixture.store();
    register(&store, &node(1, 100), 0).await;
    register(&store, &node(1, 400), 50).await;
    assert_eq!(store.nodes().await.unwrap(), [node(1, 400)]);
}

/// A node that leaves frees the store at once; leaving twice, or never having come, is fine.
pub async fn leaving_frees_the_store(fixture: &impl Fixture) {
    let store = fixture.store();
    store.leave(id(1)).await.unwrap();
    register(&store, &node(1, 1_000), 0).await;
    store.leave(id(2)).await.unwrap();
    assert_eq!(store.nodes().await.unwrap(), [node(1, 1_000)]);
    store.leave(id(1)).await.unwrap();
    store.leave(id(1)).await.unwrap();
    assert_eq!(store.nodes().await.unwrap(), []);
    register(&fixture.store(), &node(2, 500), 0).await;
}

/// Nodes come and go without a trace in the control plane.
pub async fn leases_leave_the_control_plane_alone(fixture: &impl Fixture) {
    let store = settled(fixture).await;
    let before = snapshot(&store).await;
    register(&store, &node(1, 100), 0).await;
    assert!(store.renew(id(1), UnixMicros(200), 1).await.unwrap());
    store.leave(id(1)).await.unwrap();
    assert_eq!(snapshot(&store).await, before);
}

async fn register(store: &impl NodeStore, node: &NodeRow, now: i64) {
    let answer = store.register(node.clone(), UnixMicros(now)).await.unwrap();
    assert_eq!(answer, Registration::Registered);
}

fn id(n: u8) -> NodeId {
    NodeId::from_bytes([n; 16]).unwrap()
}

fn node(n: u8, lease_until: i64) -> NodeRow {
    NodeRow {
        id: id(n),
        description: format!("host-{n}, process {n}"),
        started_at: UnixMicros(-1),
        lease_until: UnixMicros(lease_until),
        applied: 0,
    }
}
