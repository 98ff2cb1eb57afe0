//! Limits, holds, what there is to be kept, and what goes.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::Poll;

use super::Fixture;
use super::check::{committed, refused};
use super::tenant::{A, AT, B, Tenant, instance, settle};
use super::traces::{DAY, LATE, trace, write};
use crate::{
    Change, ExceptRow, HoldId, HoldRow, KeyId, PartRow, Removal, RemovalRow, RemovalStep,
    RemovedRow, RetentionRow, RetentionRows, StoreErrorKind, TraceRow, TraceStore, UnixMicros,
    YearMonth,
};

/// What was written of limits comes back, the instance first; a later row replaces an earlier one, and one with nothing in it
/// removes it.
pub async fn limits_are_replaced_whole(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    let of_instance = RetentionRow {
        request_meta: Some(30),
        body_sample: Some(7),
        audit: Some(400),
        rollup: Some(399),
        opening: Some(398),
        sampling_ppm: Some(0),
        ..RetentionRow::default()
    };
    let of_project = RetentionRow {
        org: Some(A.org()),
        project: Some(A.project_id(0)),
        body_sample: Some(1),
        ..RetentionRow::default()
    };
    let of_organization = RetentionRow {
        project: None,
        sampling_ppm: Some(1_000_000),
        ..of_project.clone()
    };
    committed(&store, A.set(Change::SetRetention(of_project.clone()))).await;
    committed(&store, A.set(Change::SetRetention(of_organization))).await;
    committed(&store, instance(Change::SetRetention(of_instance.clone()))).await;
    let replaced = RetentionRow {
        org: Some(A.org()),
        rollup: Some(36_500),
        ..RetentionRow::default()
    };
    committed(&store, A.set(Change::SetRetention(replaced.clone()))).await;
    let found = fixture.store().retention().await.unwrap();
    assert_eq!(
        found.settings,
        [of_instance.clone(), replaced.clone(), of_project]
    );
    let nothing = RetentionRow {
        org: Some(A.org()),
        project: Some(A.project_id(0)),
        ..RetentionRow::default()
    };
    committed(&store, A.set(Change::SetRetention(nothing))).await;
    let found = store.retention().await.unwrap();
    assert_eq!(found.settings, [of_instance, replaced]);
}

/// Nobody writes limits or holds for a project or a key of another organization.
pub async fn limits_and_holds_are_for_ones_own(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    let limits = RetentionRow {
        org: Some(A.org()),
        project: Some(B.project_id(0)),
        audit: Some(1),
        ..RetentionRow::default()
    };
    refused(
        &store,
        A.set(Change::SetRetention(limits)),
        StoreErrorKind::Conflict,
    )
    .await;
    for (project, key) in [(Some(B.project_id(0)), None), (None, Some(B.key_id(0)))] {
        let foreign = HoldRow {
            project,
            key,
            ..hold(A, 1)
        };
        refused(
            &store,
            A.set(Change::PlaceHold(foreign)),
            StoreErrorKind::Conflict,
        )
        .await;
    }
    assert_eq!(store.retention().await.unwrap(), RetentionRows::default());
}

/// A hold comes back as it was placed; only its own organization lifts it, and an id is taken once.
pub async fn a_hold_is_lifted_by_its_own(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    let full = HoldRow {
        project: Some(A.project_id(0)),
        key: Some(A.key_id(0)),
        from: Some(UnixMicros(-1)),
        until: Some(AT),
        ..hold(A, 2)
    };
    let of_instance = HoldRow {
        org: None,
        ..hold(A, 1)
    };
    committed(&store, A.set(Change::PlaceHold(full.clone()))).await;
    committed(&store, instance(Change::PlaceHold(of_instance.clone()))).await;
    refused(
        &store,
        A.set(Change::PlaceHold(hold(A, 2))),
        StoreErrorKind::Conflict,
    )
    .await;
    let found = fixture.store().retention().await.unwrap();
    assert_eq!(found.holds, [of_instance.clone(), full.clone()]);
    refused(
        &store,
        B.set(Change::LiftHold(full.id)),
        StoreErrorKind::Conflict,
    )
    .await;
    refused(
        &store,
        instance(Change::LiftHold(full.id)),
        StoreErrorKind::Conflict,
    )
    .await;
    refused(
        &store,
        A.set(Change::LiftHold(of_instance.id)),
        StoreErrorKind::Conflict,
    )
    .await;
    committed(&store, A.set(Change::LiftHold(full.id))).await;
    committed(&store, instance(Change::LiftHold(of_instance.id))).await;
    assert!(store.retention().await.unwrap().holds.is_empty());
}

/// The inventory counts traces and rollups by month, owner and day.
pub async fn the_inventory_counts_by_month_owner_and_day(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    let rows = vec![
        trace(A, 1, 0),
        trace(A, 2, 5),
        trace(A, 3, DAY),
        trace(B, 4, 7),
        trace(A, 5, 20 * DAY),
    ];
    write(&store, rows).await;
    let tables = store.inventory().await.unwrap();
    let traces = tables.iter().find(|table| table.name == "traces").unwrap();
    let part = |tenant: Tenant, rows, oldest: i64, newest: i64| PartRow {
        org: Some(tenant.org()),
        project: Some(tenant.project_id(0)),
        rows,
        oldest: UnixMicros(AT.0 + oldest),
        newest: UnixMicros(AT.0 + newest),
    };
    let [september, october] = traces.months.as_slice() else {
        panic!("{traces:?}");
    };
    assert_eq!(september.month.to_string(), "2026-09");
    assert_eq!(october.month.to_string(), "2026-10");
    let mut parts = september.parts.clone();
    parts.sort_by_key(|part| (part.org, part.oldest));
    assert_eq!(
        parts,
        [part(A, 2, 0, 5), part(A, 1, DAY, DAY), part(B, 1, 7, 7)]
    );
    assert_eq!(october.parts, [part(A, 1, 20 * DAY, 20 * DAY)]);
    let rollups = tables.iter().find(|table| table.name == "rollups").unwrap();
    let rows = |month: &crate::MonthRow| month.parts.iter().map(|part| part.rows).sum::<u64>();
    assert_eq!(rollups.months.iter().map(rows).collect::<Vec<_>>(), [3, 1]);
}

/// A month goes as a whole, if it has exactly as many rows as were counted; other months and the rollups stay.
pub async fn a_month_is_dropped_if_it_has_its_rows(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    write(
        &store,
        vec![trace(A, 1, 0), trace(B, 2, 1), trace(A, 3, 20 * DAY)],
    )
    .await;
    for rows in [1, 3] {
        let refused = remove(&store, of_month("traces", Removal::Drop { rows })).await;
        let nothing = RemovedRow {
            rows: 0,
            finished: false,
        };
        assert_eq!(refused, nothing);
    }
    let removed = remove(&store, of_month("traces", Removal::Drop { rows: 2 })).await;
    let all = RemovedRow {
        rows: 2,
        finished: true,
    };
    assert_eq!(removed, all);
    let left = store.traces(A.org(), AT, LATE, 10).await.unwrap();
    assert_eq!(left, [trace(A, 3, 20 * DAY)]);
    assert_eq!(store.rollups(B.org(), AT).await.unwrap().len(), 1);
    write(&store, vec![trace(B, 4, 2)]).await; // the month begins anew
    assert_eq!(store.traces(B.org(), AT, LATE, 10).await.unwrap().len(), 1);
}

/// A delete takes rows of one owner, one month and before a time, in parts no larger than asked, and leaves what is held.
pub async fn a_delete_removes_what_was_named(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    committed(&store, A.set(Change::InsertKey(A.nth_key(1)))).await;
    let mut rows: Vec<TraceRow> = (0..8).map(|n| trace(A, n, i64::from(n))).collect();
    rows[2].key = A.key_id(1);
    write(&store, rows.clone()).await;
    write(&store, vec![trace(B, 9, 0), trace(A, 10, 20 * DAY)]).await;
    let at = |n: usize| Some(rows[n].at);
    let except = vec![
        except(Some(A.key_id(1)), None, None),
        except(None, at(4), at(5)),
        except(Some(A.key_id(0)), at(5), at(6)),
        except(Some(A.key_id(1)), at(0), at(1)),
    ];
    let delete = |limit| Removal::Delete {
        org: Some(A.org()),
        project: Some(A.project_id(0)),
        before: at(7),
        except: except.clone(),
        limit,
    };
    let first = remove(&store, of_month("traces", delete(3))).await;
    assert_eq!((first.rows, first.finished), (3, false));
    let mut second = remove(&store, of_month("traces", delete(3))).await;
    assert_eq!(second.rows, 1);
    if !second.finished {
        second = remove(&store, of_month("traces", delete(3))).await;
    }
    assert!(second.finished);
    let left = store.traces(A.org(), AT, LATE, 20).await.unwrap();
    let left: Vec<_> = left.iter().map(|row| row.at.0 - AT.0).collect();
    assert_eq!(left, [20 * DAY, 7, 5, 4, 2]);
    assert_eq!(store.traces(B.org(), AT, LATE, 20).await.unwrap().len(), 1);

    let rollups = Removal::Delete {
        org: Some(A.org()),
        project: Some(A.project_id(0)),
        before: Some(LATE),
        except: Vec::new(),
        limit: 10,
    };
    let removed = remove(&store, of_month("rollups", rollups)).await;
    assert_eq!((removed.rows, removed.finished), (2, true));
    assert_eq!(
        store.rollups(A.org(), AT).await.unwrap().len(),
        1,
        "October's"
    );
}

/// The step sees the limits and holds of the moment, and decides.
pub async fn the_step_sees_what_is_in_force(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    write(&store, vec![trace(A, 1, 0)]).await;
    let placed = hold(A, 1);
    committed(&store, A.set(Change::PlaceHold(placed.clone()))).await;
    let step: RemovalStep = Box::new(move |rules| {
        assert_eq!(rules.holds, std::slice::from_ref(&placed));
        None
    });
    assert_eq!(store.remove(step).await.unwrap(), None);
    assert_eq!(store.traces(A.org(), AT, LATE, 10).await.unwrap().len(), 1);
}

/// A step that panics removes nothing, and the store goes on.
pub async fn a_step_that_panics_removes_nothing(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    write(&store, vec![trace(A, 1, 0)]).await;
    let step: RemovalStep = Box::new(|_| resume_unwind(Box::new("no message")));
    let mut removing = pin!(store.remove(step));
    let panicked = std::future::poll_fn(|context| {
        let poll = || removing.as_mut().poll(context);
        match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(_)) => Poll::Ready(false),
            Err(_) => Poll::Ready(true),
        }
    });
    assert!(panicked.await, "the panic was swallowed");
    let removed = remove(&store, of_month("traces", Removal::Drop { rows: 1 })).await;
    assert_eq!(removed.rows, 1);
}

/// What a run removes is counted by table, with each removal, until it is forgotten.
pub async fn what_a_run_removes_is_counted(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    write(&store, vec![trace(A, 1, 0), trace(A, 2, 1), trace(B, 3, 0)]).await;
    let delete = Removal::Delete {
        org: Some(A.org()),
        project: Some(A.project_id(0)),
        before: None,
        except: Vec::new(),
        limit: 1,
    };
    for _ in 0..2 {
        remove(&store, of_month("traces", delete.clone())).await;
    }
    let rollups = Removal::Delete {
        org: Some(B.org()),
        project: Some(B.project_id(0)),
        before: None,
        except: Vec::new(),
        limit: u32::MAX,
    };
    remove(&store, of_month("rollups", rollups)).await;
    let removed = fixture.store().removed("a run".to_owned()).await.unwrap();
    assert_eq!(
        removed,
        [("rollups".to_owned(), 1), ("traces".to_owned(), 2)]
    );
    assert!(
        store
            .removed("another".to_owned())
            .await
            .unwrap()
            .is_empty()
    );
    store.forget_run("a run".to_owned()).await.unwrap();
    assert!(store.removed("a run".to_owned()).await.unwrap().is_empty());
}

/// Only tables whose rows the inventory counts can be removed from.
pub async fn a_table_without_owners_is_not_removed_from(fixture: &impl Fixture) {
    let store = fixture.store();
    settle(&store).await;
    for table in ["keys", "audit_entries", "no_such_table", "traces\" --"] {
        let delete = Removal::Delete {
            org: Some(A.org()),
            project: Some(A.project_id(0)),
            before: None,
            except: Vec::new(),
            limit: 10,
        };
        let removal = of_month(table, delete);
        let step: RemovalStep = Box::new(move |_| Some(removal.clone()));
        let refused = store.remove(step).await.unwrap_err();
        assert_eq!(
            refused.kind(),
            StoreErrorKind::Conflict,
            "{table}: {refused}"
        );
    }
}

async fn remove(store: &impl TraceStore, removal: RemovalRow) -> RemovedRow {
    let step: RemovalStep = Box::new(move |_| Some(removal.clone()));
    store.remove(step).await.unwrap().unwrap()
}

/// A removal from the month of the suite's time.
fn of_month(table: &str, what: Removal) -> RemovalRow {
    RemovalRow {
        run: "a run".to_owned(),
        table: table.to_owned(),
        month: YearMonth::of(AT).unwrap(),
        what,
    }
}

fn except(key: Option<KeyId>, from: Option<UnixMicros>, until: Option<UnixMicros>) -> ExceptRow {
    ExceptRow { key, from, until }
}

/// A hold on all of a tenant.
pub(super) fn hold(tenant: Tenant, n: u8) -> HoldRow {
    HoldRow {
        id: HoldId::from_bytes([n; 16]).unwrap(),
        org: Some(tenant.org()),
        project: None,
        key: None,
        from: None,
        until: None,
        reason: "matter 7".to_owned(),
        placed_by: "operator:ada".to_owned(),
        placed_at: AT,
    }
}
