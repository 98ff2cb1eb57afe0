//! Organizations bring their keys: the gateway with key services, in front of AWS KMS (moto) and of a PKCS#11 module (SoftHSM).

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::support::{Finished, Gateway, Home, Hsm, Key, Kms, PATIENCE, Provider, build};

const SECRET: &str = "sk-proj-0Vq7WmR2xT9yLb4NcH8kJd5PfG3sZa6E";

#[test]
fn nothing_of_an_organization_opens_while_kms_cannot_be_reached_and_all_does_afterwards() {
    let mut kms = Kms::start();
    let provider = Provider::start();
    let home = Byok::new(kms.service(), home());
    let gateway = home.serve(&provider);
    let key = home.home.mint(&["--provider", "openai"]);
    home.moves_to(&kms.reference());
    assert_eq!(gateway.ask(&key).status, 200);
    let doctor = home.run(&["vault", "doctor"]).succeeded().stdout;
    assert!(doctor.contains("1 stored credentials open"), "{doctor}");
    let blind = home.home.run(&["vault", "doctor"]).failed().stdout;
    assert!(blind.contains("key_service_not_configured"), "{blind}");

    // With an empty cache: what was unwrapped is kept in memory alone.
    gateway.stop().succeeded();
    kms.tell("stop");
    let gateway = home.serve(&provider);
    let refused = gateway.ask(&key);
    assert_eq!(refused.outcome(), (503, "credential_unreadable".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(!refused.text().contains("arn:"), "{}", refused.text());
    let doctor = home.run(&["vault", "doctor"]).failed().stdout;
    assert!(
        doctor.contains("key_service_unreachable") && doctor.contains(&kms.reference()),
        "{doctor}"
    );
    kms.tell("start");
    opens_again(&gateway, &key);
    home.comes_back(gateway, &provider, &key, || kms.tell("stop"));
}

#[test]
fn an_organization_key_wrapped_in_a_module_needs_the_module_and_its_pin() {
    let hsm = Hsm::start();
    let provider = Provider::start();
    let plain = home().with_variable("SOFTHSM2_CONF", &hsm.configuration());
    let pin = plain.write("pin", Hsm::PIN);
    let home = Byok::new(format!("{},pin-file={pin}", hsm.service()), plain);
    let mode = |mode| std::fs::set_permissions(&pin, PermissionsExt::from_mode(mode)).unwrap();
    mode(0o640);
    let open = home.start(&provider);
    assert!(open.contains(&format!("chmod 600 {pin}")), "{open}");
    mode(0o600);

    let gateway = home.serve(&provider);
    let key = home.home.mint(&["--provider", "openai"]);
    home.moves_to("pkcs11:the%20tenants/acme");
    assert_eq!(gateway.ask(&key).status, 200);
    home.run(&["vault", "doctor"]).succeeded();
    gateway.stop().succeeded();

    hsm.has_token(false);
    let refused = home.start(&provider);
    assert!(
        refused.contains("no token is called \"the tenants\""),
        "{refused}"
    );
    hsm.has_token(true);
    let gateway = home.serve(&provider);
    assert_eq!(gateway.ask(&key).status, 200);
    home.comes_back(gateway, &provider, &key, || hsm.has_token(false));
}

#[test]
fn a_key_service_that_makes_no_sense_stops_the_start_with_its_cure() {
    let home = home();
    let arn = "arn:aws:kms:us-east-1:123456789012:key/0a1b";
    for (service, says) in [
        ("vault:x", "begins with neither `aws:` nor `pkcs11:`"),
        ("aws:alias/main", "aws kms describe-key"),
        (
            &format!("aws:{arn},zone=a"),
            "no field `zone`; there are region and endpoint",
        ),
        (
            &format!("aws:{arn},endpoint=http://kms.internal"),
            "write https://",
        ),
        (
            &format!("aws:{arn},region=a,region=b"),
            "`region` is given twice",
        ),
        (
            "pkcs11:libsofthsm2.so,token=t,key=k",
            "not an absolute path",
        ),
        ("pkcs11:/none.so,key=k", "`token` is missing"),
        ("pkcs11:/none.so,token=t,key=k", "set PORTCULLIS_PKCS11_PIN"),
        (
            "pkcs11:/none.so,token=t,key=k,pin-file=/none",
            "pin-file=/none: ",
        ),
        (
            "pkcs11:/none.so,token=t,key=k,pin=7401",
            "there is no `pin`",
        ),
        ("pkcs11:/none.so,token=t,key=k,7401", "is not `name=value`"),
    ] {
        let refused = home.run(&["--listen", "127.0.0.1:0", "--key-service", service]);
        let refused = refused.failed();
        assert!(refused.stderr.contains(says), "{service}: {refused}");
        assert!(!refused.stderr.contains("7401"), "{refused}");
        assert!(!home.data().exists(), "made before it was refused");
    }
    let without = Home::of(byok_gateway());
    let refused = without.run(&["--key-service", &format!("aws:{arn}")]);
    let refused = refused.failed().stderr;
    assert!(refused.contains("needs AWS_ACCESS_KEY_ID"), "{refused}");
    let leaking = self::home().with_variable("LOG_SENSITIVE_BODIES", "1");
    let refused = leaking.run(&["--key-service", &format!("aws:{arn}")]);
    let refused = refused.failed().stderr;
    assert!(refused.contains("LOG_SENSITIVE_BODIES is set"), "{refused}");
}

/// A gateway's folder with the key service that every command is told of.
struct Byok {
    service: String,
    home: Home,
}

impl Byok {
    fn new(service: String, home: Home) -> Self {
        Self { service, home }
    }

    fn run(&self, args: &[&str]) -> Finished {
        self.home
            .run(&[args, &["--key-service", &self.service]].concat())
    }

    fn serve(&self, provider: &Provider) -> Gateway {
        let url = provider.url();
        let args = ["--upstream", &url, "--key-service", &self.service];
        self.home.serve_with(&args)
    }

    /// What a start says that does not come to serving.
    fn start(&self, provider: &Provider) -> String {
        let url = provider.url();
        let args = ["--upstream", &url, "--key-service", &self.service];
        self.home.start_serving(&args).finish().failed().stderr
    }

    /// Wraps the organization's key by the service, and seals a credential under it.
    fn moves_to(&self, reference: &str) {
        self.run(&["vault", "rotate", "--to", reference])
            .succeeded();
        let put = ["credentials", "put", "openai"];
        let blind = self.home.run_with_input(&put, SECRET.as_bytes());
        assert!(blind.failed().stderr.contains(reference));
        let told = [&put[..], &["--key-service", &self.service]].concat();
        self.home
            .run_with_input(&told, SECRET.as_bytes())
            .succeeded();
        let status = self.run(&["vault", "status"]).succeeded().stdout;
        let active = status.lines().find(|line| line.contains(" active "));
        assert!(active.unwrap().contains(reference), "{status}");
        let services = status
            .lines()
            .find(|line| line.starts_with("key services: "));
        assert!(services.unwrap().contains(reference), "{status}");
    }

    /// Takes the organization's key back to the instance: from then on it needs no service.
    fn comes_back(&self, gateway: Gateway, provider: &Provider, key: &Key, end: impl FnOnce()) {
        self.run(&["vault", "rotate", "--to", "local"]).succeeded();
        assert_eq!(gateway.ask(key).status, 200);
        gateway.stop().succeeded();
        end();
        let gateway = self.home.serve_before(provider);
        assert_eq!(gateway.ask(key).status, 200);
        self.home.run(&["audit", "verify"]).succeeded();
    }
}

/// Waits until a request passes: a failure of a key service is remembered for a moment.
fn opens_again(gateway: &Gateway, key: &Key) {
    let deadline = Instant::now() + PATIENCE;
    while gateway.ask(key).status != 200 {
        assert!(Instant::now() < deadline, "{:?}", gateway.ask(key));
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn home() -> Home {
    Home::of(byok_gateway())
        .with_variable("AWS_ACCESS_KEY_ID", "id")
        .with_variable("AWS_SECRET_ACCESS_KEY", "secret")
}

/// The gateway with key services.
fn byok_gateway() -> PathBuf {
    build(&["-p", "portcullis-byok-gateway"]).join("byok-gateway")
}
