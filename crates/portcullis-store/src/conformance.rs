//! The conformance suite: what every adapter must do, each rule a function with its name.
//!
//! An adapter implements [`Fixture`] in a test of its own and calls the macro once; each rule becomes one test,
//! and a rule that is added here reaches every adapter with no edit there. The adapter brings `tokio` with the
//! features `macros` and `rt-multi-thread` as a dev-dependency.
//!
//! ```
//! use portcullis_store::MemoryStore;
//! use portcullis_store::conformance::{Fixture, Task};
//!
//! struct Memory(MemoryStore);
//!
//! impl Fixture for Memory {
//!     type Store = MemoryStore;
//!
//!     fn store(&self) -> MemoryStore {
//!         self.0.clone()
//!     }
//!
//!     fn spawn(&self, task: Task) -> Task {
//!         let handle = tokio::spawn(task);
//!         Box::pin(async { handle.await.unwrap() })
//!     }
//! }
//!
//! portcullis_store::conformance_tests!(Memory(MemoryStore::new()));
//! ```
//!
//! A rule panics when it does not hold, as tests do.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a rule is the body of a test: it panics when it does not hold"
)]

pub mod atomicity;
pub mod budgets;
pub mod chains;
pub mod changes;
pub mod concurrency;
pub mod guards;
pub mod ledger;
pub mod log;
pub mod logs;
pub mod nodes;
pub mod outbox;
pub mod paging;
pub mod records;
pub mod removals;
pub mod retention;
pub mod rows;
pub mod shares;
pub mod tenants;
pub mod traces;
pub mod uses;
pub mod vault;

mod books;
mod check;
mod sealer;
mod steps;
mod tenant;

use std::pin::Pin;

pub use sealer::{anyway, read_chain, seal, seal_fails, seal_with};

use crate::{AuditDraft, AuditStore, BudgetStore, ControlStore, NodeStore, TraceStore};

/// One empty store, made for one rule, and the doors to it that the ports do not have.
pub trait Fixture: Sync {
    /// The adapter.
    type Store: ControlStore + NodeStore + BudgetStore + AuditStore + TraceStore + Clone;

    /// A handle on the store, as independent of the ones before as the adapter allows: the same file opened once
    /// more, another connection, or a clone.
    fn store(&self) -> Self::Store;

    /// Starts a task beside the caller, on another thread if there is one. The answer is ready when the task
    /// is done, and panics if the task has.
    fn spawn(&self, task: Task) -> Task;
}

/// A task of the concurrency rules.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One line for one audit draft: `{micros} {kind}:{actor} {action} {target}`. The source address is not in it.
#[must_use]
pub fn draft_line(draft: &AuditDraft) -> String {
    let at = draft.at().0;
    let action = draft.action().as_str();
    format!("{at} {} {action} {}", draft.actor(), draft.target())
}

/// Generates one `#[tokio::test]` per rule of the suite; the argument makes a fresh
/// [`Fixture`](crate::conformance::Fixture) for each.
#[macro_export]
macro_rules! conformance_tests {
    ($fixture:expr) => {
        $crate::conformance_tests! { @each $fixture;
            rows::an_organization_comes_back_as_it_was_written
            rows::a_project_comes_back_as_it_was_written
            rows::a_key_comes_back_as_it_was_written
            rows::no_list_and_an_empty_list_are_told_apart
            rows::a_credential_comes_back_as_it_was_written
            rows::a_slot_must_match_in_every_part
            rows::instance_secrets_come_back_by_name_and_version
            rows::master_checks_come_back_by_version
            rows::a_node_comes_back_as_it_was_written
            rows::secrets_come_by_ascending_version
            rows::key_ids_are_case_sensitive
            rows::limits_come_back_as_they_were_written
            rows::a_project_is_found_in_its_organization_alone
            rows::what_is_absent_is_none
            paging::parts_cover_all_organizations_once
            paging::parts_cover_the_asked_tenants_keys_once
            paging::parts_cover_the_asked_tenants_credentials_once
            paging::a_part_may_be_empty_and_may_begin_anywhere
            guards::credential_absent_holds_for_a_free_slot
            guards::credential_at_holds_for_its_generation
            guards::instance_secret_absent_holds_for_a_free_version
            guards::master_check_absent_holds_for_a_free_version
            guards::key_absent_holds_for_a_free_id
            guards::key_at_holds_for_its_generation
            guards::key_exists_holds_for_a_key
            guards::organization_at_holds_for_its_generation
            guards::organization_name_free_holds_for_a_free_name
            guards::project_at_holds_for_its_generation
            guards::project_exists_holds_for_an_own_project
            guards::project_name_free_holds_within_the_organization
            guards::secret_digest_is_holds_for_the_same_digest
            guards::the_first_guard_that_fails_is_named
            guards::guards_come_before_changes
            guards::a_guard_does_not_see_another_organizations_rows
            guards::an_instance_set_sees_no_organizations_rows
            changes::a_revoked_key_keeps_its_first_time
            changes::a_revoked_secret_keeps_its_first_time
            changes::no_change_clears_a_revocation
            changes::an_expiry_is_never_extended
            changes::replacing_a_digest_touches_nothing_else
            changes::a_key_is_disabled_and_enabled_again
            changes::rules_are_replaced_whole
            changes::an_organization_is_suspended_and_resumed
            changes::an_organizations_allowlist_is_replaced_whole
            changes::limits_of_a_key_are_replaced_whole
            changes::caps_of_a_project_are_replaced_whole
            changes::caps_of_an_organization_are_replaced_whole
            changes::every_change_of_a_key_steps_its_generation_by_one
            changes::two_changes_in_one_set_are_two_steps
            changes::a_credential_is_overwritten_and_deleted
            changes::a_change_that_hits_no_row_is_a_conflict
            changes::what_is_taken_is_a_conflict
            changes::no_two_credentials_share_a_slot
            changes::names_and_slots_are_free_in_another_organization
            changes::an_empty_set_is_a_conflict
            atomicity::a_failing_change_undoes_the_ones_before
            atomicity::a_failing_change_undoes_an_insert_at_the_top
            atomicity::a_key_is_inserted_with_all_its_secrets_or_not
            atomicity::changes_are_made_in_their_order
            tenants::a_foreign_row_in_a_set_is_cross_tenant
            tenants::an_instance_set_reaches_no_organization
            tenants::a_change_cannot_reach_another_organizations_row
            tenants::a_key_cannot_stand_in_a_foreign_project
            tenants::a_credential_cannot_stand_in_a_foreign_project
            tenants::a_foreign_credential_is_not_overwritten
            tenants::an_unknown_organization_can_own_nothing
            tenants::a_set_belongs_to_one_organization_whatever_its_draft_says
            tenants::reading_one_organization_shows_no_other
            log::a_commit_logs_its_notices
            log::a_change_of_limits_names_its_subject
            log::every_subject_comes_back
            log::sequences_ascend_and_nonces_differ
            log::changes_since_is_inclusive_and_limited
            log::a_commit_keeps_its_draft
            log::the_hint_differs_after_any_commit
            log::a_commit_is_seen_by_every_handle
            logs::what_cannot_be_sealed_changes_nothing
            logs::what_does_not_continue_the_log_is_refused
            logs::nothing_goes_without_a_record
            logs::an_append_of_nothing_writes_nothing
            logs::a_step_that_panics_changes_nothing
            outbox::an_urgent_set_takes_effect_and_waits_in_the_outbox
            outbox::an_urgent_set_that_can_be_sealed_is
            outbox::the_next_append_takes_the_outbox_first
            logs::a_failed_guard_seals_nothing
            records::instance_sets_go_to_the_system_log
            records::two_logs_do_not_meet
            records::an_unknown_log_has_nothing
            records::records_come_back_byte_for_byte
            records::records_are_read_in_parts
            records::logs_are_listed_with_their_heads
            removals::nothing_goes_against_the_guard
            removals::erasing_removes_only_what_was_asked
            removals::what_an_erasure_records_stays
            removals::a_removal_that_cannot_be_sealed_removes_nothing
            removals::pruning_keeps_what_is_at_or_above
            removals::the_minimum_never_goes_back
            chains::of_many_that_append_at_once_each_follows_another
            chains::a_dropped_append_is_whole_or_absent
            chains::no_reader_sees_half_an_append
            removals::a_new_store_is_guarded
            removals::scrubbing_changes_nothing_that_is_there
            uses::the_later_use_stands
            uses::unknown_secrets_are_passed_over
            uses::a_use_logs_no_change
            vault::key_versions_are_added_and_replaced
            vault::no_two_key_versions_are_active
            vault::a_destroyed_key_version_stays_destroyed
            vault::an_erased_salt_is_empty
            vault::nothing_is_sealed_under_a_version_that_is_not_active
            vault::sealing_again_touches_nothing_else
            vault::sealed_is_holds_for_the_same_bytes
            vault::key_version_active_holds_for_the_active_one
            vault::no_credential_under_counts_headers
            vault::a_master_version_is_needed_by_what_stands_under_it
            vault::a_survey_counts_by_key
            vault::a_credentials_standing_is_changed_apart
            vault::the_later_opening_stands
            nodes::a_second_node_is_told_who_holds_the_store
            nodes::a_lease_that_ran_out_is_taken_over
            nodes::a_replaced_node_cannot_renew
            nodes::a_renewal_moves_the_lease
            nodes::a_node_may_register_again
            nodes::leaving_frees_the_store
            nodes::leases_leave_the_control_plane_alone
            budgets::a_draw_writes_what_the_step_leaves
            budgets::a_share_that_is_not_there_is_zeros
            budgets::others_is_the_sum_of_the_other_runs
            budgets::others_leaves_out_the_own_run
            budgets::others_is_of_one_account
            budgets::others_stops_at_the_largest_number
            budgets::accounts_come_in_the_order_asked
            budgets::the_others_are_not_written
            budgets::a_step_that_leaves_a_negative_amount_writes_nothing
            budgets::a_step_that_leaves_another_share_writes_nothing
            budgets::an_account_named_twice_is_a_conflict
            budgets::an_unknown_organization_cannot_draw
            budgets::a_share_left_as_it_was_is_not_written
            budgets::a_step_that_panics_writes_nothing
            budgets::draws_leave_the_control_plane_alone
            budgets::of_many_that_draw_at_once_as_many_get_it_as_fit
            budgets::no_reader_sees_half_a_draw
            budgets::a_dropped_draw_is_whole_or_absent
            shares::stranding_moves_what_is_out_of_all_runs_but_the_living
            shares::stranding_stops_at_the_largest_number
            shares::stranding_twice_changes_nothing
            shares::a_stranded_run_still_finds_its_share
            shares::shares_are_those_of_one_organization
            shares::shares_come_by_account_and_run
            shares::folding_adds_up_what_runs_that_are_gone_have_left
            shares::folding_frees_nothing
            shares::the_latest_period_of_a_counter_is_never_forgotten
            shares::forgetting_drops_only_what_is_over
            shares::what_has_no_end_is_never_forgotten
            ledger::the_books_never_drift
            traces::a_trace_comes_back_as_it_was_written
            traces::traces_are_of_one_organization_and_time
            traces::a_batch_may_be_written_again
            traces::rollups_sum_what_ended_alike
            traces::a_trace_of_a_foreign_key_is_a_conflict
            traces::lost_traces_are_counted_by_day
            traces::traces_leave_the_control_plane_alone
            retention::limits_are_replaced_whole
            retention::limits_and_holds_are_for_ones_own
            retention::a_hold_is_lifted_by_its_own
            retention::the_inventory_counts_by_month_owner_and_day
            retention::a_month_is_dropped_if_it_has_its_rows
            retention::a_delete_removes_what_was_named
            retention::the_step_sees_what_is_in_force
            retention::a_step_that_panics_removes_nothing
            retention::what_a_run_removes_is_counted
            retention::a_table_without_owners_is_not_removed_from
            concurrency::of_many_at_one_key_generation_one_wins
            concurrency::of_many_at_one_credential_generation_one_wins
            concurrency::of_many_who_mint_one_id_one_wins
            concurrency::of_many_who_register_one_serves
            concurrency::the_log_is_in_the_order_of_commits
            concurrency::no_reader_sees_half_a_set
            concurrency::a_dropped_commit_is_whole_or_absent
        }
    };
    (@each $fixture:expr; $($file:ident::$rule:ident)*) => { $(
        #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $rule() {
            $crate::conformance::$file::$rule(&$fixture).await;
        }
    )* };
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_macro_names_every_rule() {
        let files = [
            ("rows", include_str!("conformance/rows.rs")),
            ("paging", include_str!("conformance/paging.rs")),
            ("guards", include_str!("conformance/guards.rs")),
            ("changes", include_str!("conformance/changes.rs")),
            ("atomicity", include_str!("conformance/atomicity.rs")),
            ("tenants", include_str!("conformance/tenants.rs")),
            ("log", include_str!("conformance/log.rs")),
            ("logs", include_str!("conformance/logs.rs")),
            ("outbox", include_str!("conformance/outbox.rs")),
            ("records", include_str!("conformance/records.rs")),
            ("removals", include_str!("conformance/removals.rs")),
            ("chains", include_str!("conformance/chains.rs")),
            ("uses", include_str!("conformance/uses.rs")),
            ("nodes", include_str!("conformance/nodes.rs")),
            ("budgets", include_str!("conformance/budgets.rs")),
            ("shares", include_str!("conformance/shares.rs")),
            ("ledger", include_str!("conformance/ledger.rs")),
            ("traces", include_str!("conformance/traces.rs")),
            ("retention", include_str!("conformance/retention.rs")),
            ("concurrency", include_str!("conformance/concurrency.rs")),
        ];
        let suite = include_str!("conformance.rs");
        let mut count = 0;
        for (file, text) in files {
            for after in text.split("pub async fn ").skip(1) {
                let rule: String = after
                    .chars()
                    .take_while(|c| *c != '(' && *c != '<')
                    .collect();
                let line = format!("            {file}::{rule}\n");
                assert!(suite.contains(&line), "{file}::{rule} reaches no adapter");
                count += 1;
            }
        }
        assert!(
            count > 100,
            "{count}: the rules are not written as this test expects"
        );
    }
}
