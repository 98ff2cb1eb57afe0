//! Traces and their rollups.

use super::Fixture;
use super::check::snapshot;
use super::tenant::{A, AT, B, Tenant, settle};
use crate::{
    LostRow, RequestId, RollupRow, StoreErrorKind, TraceBatch, TraceRow, TraceStore, UnixMicros,
};

/// A trace comes back with every value that it has, and with none where it has none.
pub async fn a_trace_comes_back_as_it_was_written(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    let full = trace(A, 1, 0);
    let bare = TraceRow {
        cause: Some("model_not_allowed".to_owned()),
        outcome: "refused".to_owned(),
        status: None,
        input: None,
        cached: None,
        output: None,
        cost: None,
        provider_request: None,
        sampled: false,
        rate_ppm: 0,
        ..trace(A, 2, 1)
    };
    write(&store, vec![full.clone(), bare.clone()]).await;
    let found = store.traces(A.org(), AT, LATE, 10).await.unwrap();
    assert_eq!(found, [bare, full]);
}

/// Traces are those of one organization and one time, over months, the newest first, and no more than asked.
pub async fn traces_are_of_one_organization_and_time(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    let rows: Vec<TraceRow> = (0..6)
        .map(|n| trace(A, n, i64::from(n) * 10 * DAY))
        .collect();
    write(&store, rows.clone()).await;
    write(&store, vec![trace(B, 9, DAY)]).await;
    let other = fixture.store();
    let at = |n: usize| rows[n].at;
    let found = other.traces(A.org(), at(1), at(5), 3).await.unwrap();
    assert_eq!(found, [rows[4].clone(), rows[3].clone(), rows[2].clone()]);
    let found = other.traces(A.org(), at(1), at(2), 10).await.unwrap();
    assert_eq!(found, [rows[1].clone()]);
    assert_eq!(other.traces(B.org(), AT, LATE, 10).await.unwrap().len(), 1);
}

/// Writing a batch again changes neither traces nor rollups.
pub async fn a_batch_may_be_written_again(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    let rows = vec![trace(A, 1, 0), trace(A, 2, 1)];
    write(&store, rows.clone()).await;
    let before = store.rollups(A.org(), AT).await.unwrap();
    write(&store, [rows, vec![trace(A, 3, 2)]].concat()).await;
    assert_eq!(before[0].requests, 2);
    assert_eq!(store.rollups(A.org(), AT).await.unwrap()[0].requests, 3);
    assert_eq!(store.traces(A.org(), AT, LATE, 10).await.unwrap().len(), 3);
}

/// A rollup has the sums of the requests of a day that ended alike, and the time of the last.
pub async fn rollups_sum_what_ended_alike(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    let unknown = TraceRow {
        input: None,
        cached: None,
        output: None,
        cost: None,
        ..trace(A, 2, 20)
    };
    let refused = TraceRow {
        outcome: "refused".to_owned(),
        cause: Some("spend_cap".to_owned()),
        ..trace(A, 3, 30)
    };
    let next_day = trace(A, 4, DAY);
    let rows = vec![trace(A, 1, 10), unknown, refused, next_day, trace(B, 5, 0)];
    write(&store, rows).await;
    let found = store.rollups(A.org(), AT).await.unwrap();
    let sums: Vec<_> = found
        .iter()
        .map(|row| (row.outcome.as_str(), row.requests, row.last))
        .collect();
    let at = |after: i64| UnixMicros(AT.0 + after);
    assert_eq!(
        sums,
        [
            ("refused", 1, at(30)),
            ("settled", 2, at(20)),
            ("settled", 1, at(DAY)),
        ]
    );
    assert_eq!(found[0].cause.as_deref(), Some("spend_cap"));
    let expected = RollupRow {
        org: A.org(),
        project: A.project_id(0),
        key: A.key_id(0),
        provider: "openai".to_owned(),
        model: "gpt-4o".to_owned(),
        outcome: "settled".to_owned(),
        cause: None,
        last: at(20),
        requests: 2,
        input: 1_000,
        cached: 200,
        output: 50,
        cost: 7_000_000,
        unpriced: 1,
        latency: 2_400_000,
    };
    assert_eq!(found[1], expected);
    assert_eq!(store.rollups(A.org(), at(DAY)).await.unwrap().len(), 1);
}

/// A batch with a trace of another organization's key, of another's project, or without a month is refused as a whole.
pub async fn a_trace_of_a_foreign_key_is_a_conflict(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    let foreign = [
        TraceRow {
            key: B.key_id(0),
            ..trace(A, 2, 1)
        },
        TraceRow {
            project: B.project_id(0),
            ..trace(A, 2, 1)
        },
        TraceRow {
            at: UnixMicros(i64::MAX),
            ..trace(A, 2, 1)
        },
    ];
    for row in foreign {
        let rows = vec![trace(A, 1, 0), row];
        let batch = TraceBatch {
            rows,
            lost: 1,
            at: AT,
        };
        let refused = store.write_traces(batch).await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Conflict, "{refused}");
        assert!(refused.is_retry_safe());
    }
    assert!(
        store
            .traces(A.org(), AT, LATE, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(store.rollups(A.org(), AT).await.unwrap().is_empty());
    assert!(store.lost_traces(UnixMicros(0)).await.unwrap().is_empty());
}

/// Lost traces are counted by day, also in a batch without a row.
pub async fn lost_traces_are_counted_by_day(fixture: &impl Fixture) {
    let store = fixture.store();
    for (lost, after) in [(2, 0), (3, 1), (0, 2), (5, DAY)] {
        let at = UnixMicros(AT.0 + after);
        let batch = TraceBatch {
            rows: Vec::new(),
            lost,
            at,
        };
        store.write_traces(batch).await.unwrap();
    }
    let day = |after: i64, count| LostRow {
        day: UnixMicros(AT.0 + after).day(),
        count,
    };
    let all = store.lost_traces(AT).await.unwrap();
    assert_eq!(all, [day(0, 5), day(DAY, 5)]);
    let later = UnixMicros(AT.0 + DAY);
    assert_eq!(store.lost_traces(later).await.unwrap(), [day(DAY, 5)]);
}

/// Traces are no change of the control plane: nobody is told of them, and no log records them.
pub async fn traces_leave_the_control_plane_alone(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    let before = snapshot(&store).await;
    write(&store, vec![trace(A, 1, 0)]).await;
    assert_eq!(snapshot(&store).await, before);
}

pub(super) async fn write(store: &impl TraceStore, rows: Vec<TraceRow>) {
    let batch = TraceBatch {
        rows,
        lost: 0,
        at: AT,
    };
    store.write_traces(batch).await.unwrap();
}

/// The tenant's `n`th request, so many microseconds after the suite's time.
pub(super) fn trace(tenant: Tenant, n: u8, after: i64) -> TraceRow {
    TraceRow {
        at: UnixMicros(AT.0 + after),
        id: RequestId::from_bytes([n + 1; 16]).unwrap(),
        org: tenant.org(),
        project: tenant.project_id(0),
        key: tenant.key_id(0),
        provider: "openai".to_owned(),
        model: "gpt-4o".to_owned(),
        outcome: "settled".to_owned(),
        cause: None,
        status: Some(200),
        input: Some(1_000),
        cached: Some(200),
        output: Some(50),
        cost: Some(7_000_000),
        latency: 1_200_000,
        provider_request: Some("req_0123456789abcdef".to_owned()),
        sampled: true,
        rate_ppm: 50_000,
    }
}

pub(super) const DAY: i64 = 86_400_000_000;
/// After everything here.
pub(super) const LATE: UnixMicros = UnixMicros(AT.0 + 1_000 * DAY);
