//! No secret leaves: not by the log at any level, not by `Debug` or an error, not by the database file.

mod capture;

use std::fmt::{Debug, Display};
use std::path::Path;
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use http::{HeaderMap, HeaderValue};
use portcullis_envelope::testkit::{Fault, FaultyKeyService};
use portcullis_gate::{
    Admin, Client, Diagnosis, Dialect, DigestPolicy, Dispatch, Gate, KeyRules, KeySource, Lifetime,
    MasterKeyFile, Minted, NewKey, Presented, PutCredential, Refusal, Rotation, Stores, UnixMicros,
};
use portcullis_sqlite::SqliteStore;

use crate::support::key_text::{secret_of, with_other_secret, with_prefix};
use crate::support::{CREDENTIAL, Key, gpt, operator, prefix, present, provider};

#[tokio::test]
async fn no_secret_is_in_a_log_a_debug_an_error_or_the_database() {
    for policy in [
        DigestPolicy::Sha256,
        DigestPolicy::HmacSha256WhileSha256IsReplaced,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (database, key_file) = (
            folder.path().join("portcullis.db"),
            folder.path().join("master.key"),
        );
        capture::start();
        let mut life = Life::begin(&database, &key_file, policy).await;
        life.live(folder.path()).await;
        life.end(&database, &key_file, policy).await;
        let log = capture::finish();
        assert!(
            log.contains("refused") && log.contains("call settled"),
            "the capture works: {log}"
        );
        assert!(life.seen().len() > 2_000, "the values were looked at");
        let places = [
            ("log", log.into_bytes()),
            ("values", life.seen().into_bytes()),
        ];
        let files = files(folder.path());
        for secret in &life.secrets {
            for (place, bytes) in places.iter().chain(&files) {
                assert!(
                    !contains(bytes, secret.as_bytes()),
                    "{place} shows {secret}"
                );
            }
        }
    }
}

/// One instance from its first start to its last, and everything that it said.
struct Life {
    gate: Gate,
    admin: Admin,
    store: SqliteStore,
    secrets: Vec<String>,
    seen: Arc<Mutex<String>>,
}

impl Life {
    async fn begin(database: &Path, key_file: &Path, policy: DigestPolicy) -> Self {
        let (masters, _) = MasterKeyFile::read_or_create(key_file, database).unwrap();
        let master = masters.to_text().trim().trim_start_matches("1:").to_owned();
        let seen = Arc::new(Mutex::new(format!("{masters:?}")));
        let store = SqliteStore::open(database).unwrap();
        let heard = Arc::clone(&seen);
        let builder = Gate::builder(store.clone(), masters)
            .digests(policy)
            .on_settlement(move |settlement| {
                heard.lock().unwrap().push_str(&format!("{settlement:?}"));
            });
        seen.lock().unwrap().push_str(&format!("{builder:?}"));
        let (gate, upkeep) = builder.open().await.unwrap();
        seen.lock().unwrap().push_str(&format!("{upkeep:?}"));
        // On this thread, whose log is kept.
        tokio::spawn(upkeep);
        let admin = gate.admin(operator());
        let secrets = vec![master, str::from_utf8(CREDENTIAL).unwrap().to_owned()];
        Self {
            gate,
            admin,
            store,
            secrets,
            seen,
        }
    }

    async fn live(&mut self, folder: &Path) {
        let org = self.admin.create_organization("acme").await.unwrap();
        let project = self.admin.create_project(org.id, "web").await.unwrap();
        let place = PutCredential::new(org.id, provider("openai"));
        self.look(&place).look(&org).look(&project);
        let view = self
            .admin
            .put_credential(place.clone(), CREDENTIAL)
            .await
            .unwrap();
        self.look(&view);
        let new = NewKey::new(org.id, project.id, "ci", prefix("live"), Lifetime::Days30);
        self.look(&new);
        let key = self.minted(self.admin.mint(new).await.unwrap());
        self.request(&key).await;
        let next = self
            .admin
            .rotate(key.id, Rotation::with_grace(TimeDelta::hours(1)))
            .await
            .unwrap();
        let next = self.minted(next);
        self.request(&next).await;
        self.look(&self.admin.describe(key.id).await.unwrap());
        self.look(&self.admin.keys(org.id).await.unwrap());
        self.look(&self.admin.credentials(org.id).await.unwrap());
        self.strangers(&next).await;
        self.vault(org.id).await;
        self.request(&next).await;
        self.mistakes(&org.id, &key, place).await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        for (place, bytes) in files(folder) {
            for secret in &self.secrets {
                assert!(
                    !contains(&bytes, secret.as_bytes()),
                    "{place} shows {secret} while running"
                );
            }
        }
        let running = self
            .gate
            .authenticate(present(&next.text), Client::unknown())
            .await
            .unwrap();
        self.admin.revoke(key.id).await.unwrap();
        self.refused(running.authorize(gpt()).await);
        self.refused(
            self.gate
                .authenticate(present(&key.text), Client::unknown())
                .await,
        );
        let revoked = running.revoked();
        self.look(&revoked);
        self.refusal(&revoked.await);
    }

    async fn request(&self, key: &Key) {
        let mut headers = HeaderMap::new();
        let bearer = HeaderValue::from_str(&format!("Bearer {}", key.text)).unwrap();
        headers.insert("authorization", bearer);
        portcullis_gate::mark_credentials_sensitive(&mut headers);
        self.look(&headers);
        let presented = Presented::take(&mut headers).unwrap();
        let client = Client::from_peer("192.0.2.7:1234".parse().unwrap());
        self.look(&presented).look(&headers).look(&client);
        let answer = self.gate.authenticate(presented, client);
        self.look(&answer);
        let caller = answer.await.unwrap();
        let body = br#"{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}]}"#;
        let dispatch = Dispatch::from_openai("openai", body).unwrap();
        self.look(&caller).look(&dispatch);
        let permit = caller.authorize(dispatch).await.unwrap();
        self.look(&permit);
        let (call, credential) = permit.open().await.unwrap();
        self.look(&call)
            .look(&credential)
            .look(&credential.bearer())
            .look(&credential.header());
        call.settle(portcullis_gate::Usage::Unknown);
    }

    /// Secrets in all the wrong places.
    async fn strangers(&self, key: &Key) {
        for text in [
            with_other_secret(&key.text),
            with_prefix(&key.text, "mr_test_"),
            key.text.replace("mr_live_", "mr_test_"),
            format!("{}x", key.text),
        ] {
            self.refused(
                self.gate
                    .authenticate(present(&text), Client::unknown())
                    .await,
            );
        }
        for (name, value) in [
            ("authorization", key.text.clone()),
            ("authorization", format!("Basic {}", key.text)),
            ("x-api-key", format!("Bearer {}", key.text)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_str(&value).unwrap());
            headers.insert("api-key", HeaderValue::from_str(&key.text).unwrap());
            match Presented::take(&mut headers) {
                Ok(presented) => {
                    self.refused(self.gate.authenticate(presented, Client::unknown()).await);
                }
                Err(refusal) => self.refusal(&refusal),
            }
        }
        let body = format!(r#"{{"model":"a","{}":1,"{0}":2}}"#, key.text);
        self.refused(Dispatch::from_openai("openai", body.as_bytes()));
    }

    /// Keys of the organization by version: derived, wrapped by the instance, and behind a service that does not answer.
    async fn vault(&self, org: portcullis_gate::OrgId) {
        let batch = std::num::NonZeroUsize::MIN;
        let local = KeySource::Service("local".to_owned());
        for from in [KeySource::Derived, local] {
            let rotated = self
                .admin
                .rotate_organization_key(org, &from, batch, |plan| {
                    self.look(plan).say(plan);
                });
            self.look(&rotated.await.unwrap());
            self.look(&self.admin.vault_of(org).await.unwrap());
        }
        let plan = self.admin.plan_master_rotation().await.unwrap();
        self.look(&plan).say(&plan.keys);
        let left = self.admin.rotate_master_key(batch, |_| {}).await.unwrap();
        self.look(&left);
        self.look(&self.admin.plan_rewrap(None, "local").await.unwrap());
        self.failed(self.admin.plan_rewrap(None, "aws-kms:none").await);
        self.failed(self.admin.destroy_key_version(org, 3).await);
        self.failed(self.admin.retire_master_key(1).await);
        let down = Arc::new(FaultyKeyService::new("test:down"));
        down.fail(Fault::Down);
        let masters = crate::support::other_masters();
        self.look(&Gate::builder(self.store.clone(), masters).key_service(down));
    }

    async fn mistakes(&self, org: &portcullis_gate::OrgId, key: &Key, place: PutCredential) {
        let pasted = [CREDENTIAL, b"\n"].concat();
        self.failed(self.admin.put_credential(place, &pasted).await);
        let rules = KeyRules {
            providers: Some(vec![String::new()]),
            ..KeyRules::default()
        };
        self.failed(self.admin.set_rules(key.id, rules).await);
        self.failed(
            self.admin
                .rotate(key.id, Rotation::with_grace(TimeDelta::hours(1)))
                .await,
        );
        self.failed(self.admin.create_project(*org, "web").await);
    }

    async fn end(&mut self, database: &Path, key_file: &Path, policy: DigestPolicy) {
        let stores = Stores::from(self.store.clone());
        self.look(&self.gate).look(&self.admin).look(&stores);
        let masters = MasterKeyFile::read(key_file);
        let diagnosis = Diagnosis::examine(Ok(stores), masters, policy, UnixMicros(0)).await;
        self.look(&diagnosis);
        self.say(&diagnosis);
        assert!(diagnosis.is_healthy(), "{diagnosis}");
        self.gate.close().await.unwrap();
        let other = Gate::builder(self.store.clone(), crate::support::other_masters());
        self.failed(other.open().await);
        self.store.clone().close().await;
        self.failed(MasterKeyFile::read(database));
    }

    fn minted(&mut self, minted: Minted) -> Key {
        self.look(&minted);
        let key = Key::of(minted);
        self.secrets
            .extend([key.text.clone(), secret_of(&key.text).to_owned()]);
        key
    }

    fn refused<T: Debug>(&self, answer: Result<T, Refusal>) {
        self.refusal(&answer.unwrap_err());
    }

    fn refusal(&self, refusal: &Refusal) {
        self.look(refusal);
        self.say(refusal);
        self.say(&refusal.message());
        for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
            self.look(&refusal.to_response(dialect))
                .look(&refusal.to_event(dialect));
        }
    }

    fn failed<T, E: Debug + Display>(&self, result: Result<T, E>) {
        let Err(error) = result else {
            panic!("it was to fail")
        };
        self.look(&error);
        self.say(&error);
    }

    fn look(&self, value: &impl Debug) -> &Self {
        self.seen
            .lock()
            .unwrap()
            .push_str(&format!("{value:?}\n{value:#?}\n"));
        self
    }

    fn say(&self, value: &impl Display) {
        self.seen.lock().unwrap().push_str(&format!("{value}\n"));
    }

    fn seen(&self) -> String {
        self.seen.lock().unwrap().clone()
    }
}

/// The database and what SQLite keeps beside it; the master-key file is the one place for its secret.
fn files(folder: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let mut found = Vec::new();
    for (name, file) in [
        ("database", "portcullis.db"),
        ("wal", "portcullis.db-wal"),
        ("shm", "portcullis.db-shm"),
    ] {
        if let Ok(bytes) = std::fs::read(folder.join(file)) {
            found.push((name, bytes));
        }
    }
    assert!(!found.is_empty());
    found
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    assert!(needle.len() > 20);
    bytes.windows(needle.len()).any(|window| window == needle)
}
