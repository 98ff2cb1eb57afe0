//! May this call be made: providers, models, and which credential it gets.

use http::StatusCode;
use portcullis_gate::{Dialect, Dispatch, KeyRules, PutCredential};

use crate::support::{CREDENTIAL, Stage, code, gpt, models, provider, providers};

/// What a key with these rules gets for an attempt.
async fn attempt(rules: KeyRules, dispatch: Dispatch<'_>) -> &'static str {
    let stage = Stage::new().await;
    let key = stage.mint(|new| new.rules(rules)).await;
    let caller = stage.authenticate(&key).await.unwrap();
    code(caller.authorize(dispatch).await)
}

#[tokio::test]
async fn an_allowed_call_gets_the_credential_of_its_provider() {
    let stage = Stage::new().await;
    let caller = stage.authenticate(&stage.key().await).await.unwrap();
    let (call, credential) = caller.authorize(gpt()).await.unwrap().open().await.unwrap();
    assert_eq!(credential.expose(), CREDENTIAL);
    assert_eq!(
        credential.bearer().as_bytes(),
        [b"Bearer ", CREDENTIAL].concat()
    );
    assert_eq!(credential.header().as_bytes(), CREDENTIAL);
    assert!(credential.bearer().is_sensitive() && credential.header().is_sensitive());
    assert_eq!(
        (call.provider(), call.caller().org()),
        ("openai", stage.org)
    );
}

#[tokio::test]
async fn only_the_allowed_providers_are_reached_and_an_empty_list_is_none() {
    assert_eq!(attempt(providers(&["openai"]), gpt()).await, "(allowed)");
    assert_eq!(
        attempt(providers(&["anthropic"]), gpt()).await,
        "provider_not_allowed"
    );
    assert_eq!(attempt(providers(&[]), gpt()).await, "provider_not_allowed");
    assert_eq!(
        attempt(providers(&["openai"]), Dispatch::new("OpenAI", "gpt-4o")).await,
        "provider_not_allowed"
    );
}

#[tokio::test]
async fn only_the_allowed_models_are_reached_and_deny_beats_allow() {
    for (rules, model, expected) in [
        (models(&["gpt-4o"], &[]), "gpt-4o", "(allowed)"),
        (models(&["gpt-4o"], &[]), "gpt-4o-mini", "model_not_allowed"),
        (models(&[], &[]), "gpt-4o", "model_not_allowed"),
        (models(&["*"], &["gpt-4o"]), "gpt-4o", "model_not_allowed"),
        (models(&["*"], &["gpt-4o"]), "GPT-4O", "model_not_allowed"),
        (models(&["*"], &["gpt-4o"]), "o3", "(allowed)"),
        (models(&["ft/*"], &[]), "ft/mine", "(allowed)"),
        (models(&["ft/*"], &[]), "ftx/mine", "model_not_allowed"),
    ] {
        assert_eq!(
            attempt(rules.clone(), Dispatch::new("openai", model)).await,
            expected,
            "{rules} {model}"
        );
    }
}

#[tokio::test]
async fn the_model_that_is_judged_is_the_one_in_the_body() {
    let body = br#"{"mod\u0065l":"gpt-4o","messages":[]}"#;
    let dispatch = || Dispatch::from_openai("openai", body).unwrap();
    assert_eq!(
        attempt(models(&["gpt-4o"], &[]), dispatch()).await,
        "(allowed)"
    );
    assert_eq!(
        attempt(models(&["o3"], &[]), dispatch()).await,
        "model_not_allowed"
    );
}

#[tokio::test]
async fn a_path_whose_model_nobody_can_tell_is_for_unrestricted_keys() {
    assert_eq!(
        attempt(KeyRules::default(), Dispatch::opaque("openai")).await,
        "(allowed)"
    );
    assert_eq!(
        attempt(models(&["*"], &[]), Dispatch::opaque("openai")).await,
        "(allowed)"
    );
    for rules in [
        models(&["gpt-4o"], &[]),
        models(&["*"], &["o3"]),
        models(&[], &[]),
    ] {
        assert_eq!(
            attempt(rules, Dispatch::opaque("openai")).await,
            "endpoint_not_allowed"
        );
    }
    assert_eq!(
        attempt(providers(&[]), Dispatch::opaque("openai")).await,
        "provider_not_allowed"
    );
}

#[tokio::test]
async fn a_list_of_models_is_open_to_whoever_may_use_the_provider_and_is_filtered() {
    assert_eq!(
        attempt(models(&[], &[]), Dispatch::model_list("openai")).await,
        "(allowed)"
    );
    assert_eq!(
        attempt(providers(&[]), Dispatch::model_list("openai")).await,
        "provider_not_allowed"
    );
    let stage = Stage::new().await;
    let key = stage.mint(|new| new.rules(models(&["gpt-4o"], &[]))).await;
    let caller = stage.authenticate(&key).await.unwrap();
    assert!(caller.allows_model("gpt-4o") && !caller.allows_model("o3"));
}

#[tokio::test]
async fn a_missing_credential_is_424_and_says_what_to_do() {
    let hint = "Run: gateway credentials add {provider}";
    let stage = Stage::with(|builder| builder.credential_hint(hint)).await;
    let caller = stage.authenticate(&stage.key().await).await.unwrap();
    let refusal = caller
        .authorize(Dispatch::new("anthropic", "claude"))
        .await
        .unwrap_err();
    assert_eq!(refusal.status(), StatusCode::FAILED_DEPENDENCY);
    assert_eq!(refusal.code(), "missing_provider_credential");
    let body = refusal.to_response(Dialect::OpenAi).into_body();
    let body = str::from_utf8(&body).unwrap();
    assert!(
        body.contains("Run: gateway credentials add anthropic"),
        "{body}"
    );

    let named = gpt().with_credential_name("batch");
    let refusal = caller.authorize(named).await.unwrap_err();
    assert_eq!(refusal.code(), "missing_provider_credential");
    assert!(refusal.message().contains("batch"), "{}", refusal.message());
}

#[tokio::test]
async fn a_named_credential_is_taken_by_its_name_only() {
    let stage = Stage::new().await;
    let place = PutCredential::new(stage.org, provider("openai")).name("batch".parse().unwrap());
    stage
        .admin
        .put_credential(place, b"sk-batch")
        .await
        .unwrap();
    let caller = stage.authenticate(&stage.key().await).await.unwrap();
    let open = async |dispatch| {
        let (_call, credential) = caller
            .authorize(dispatch)
            .await
            .unwrap()
            .open()
            .await
            .unwrap();
        credential.expose().to_vec()
    };
    assert_eq!(open(gpt()).await, CREDENTIAL);
    assert_eq!(
        open(gpt().with_credential_name("default")).await,
        CREDENTIAL
    );
    assert_eq!(open(gpt().with_credential_name("batch")).await, b"sk-batch");
}

#[tokio::test]
async fn the_most_specific_credential_is_taken_project_before_environment() {
    let stage = Stage::new().await;
    let elsewhere = stage
        .admin
        .create_project(stage.org, "elsewhere")
        .await
        .unwrap()
        .id;
    let at = || PutCredential::new(stage.org, provider("openai"));
    let caller = stage.authenticate(&stage.key().await).await.unwrap();
    let opened = async || {
        let (_call, credential) = caller.authorize(gpt()).await.unwrap().open().await.unwrap();
        String::from_utf8(credential.expose().to_vec()).unwrap()
    };
    let live = || "live".parse().unwrap();
    // Of others: never taken, however specific.
    let others = [
        at().project(elsewhere).environment(live()),
        at().environment("test".parse().unwrap()),
        at().project(stage.project)
            .environment("test".parse().unwrap()),
    ];
    for place in others {
        stage
            .admin
            .put_credential(place, b"sk-of-others")
            .await
            .unwrap();
    }
    assert_eq!(opened().await.as_bytes(), CREDENTIAL);
    for (place, secret) in [
        (at().environment(live()), "sk-environment"),
        (at().project(stage.project), "sk-project"),
        (at().project(stage.project).environment(live()), "sk-both"),
    ] {
        stage
            .admin
            .put_credential(place, secret.as_bytes())
            .await
            .unwrap();
        assert_eq!(opened().await, secret);
    }
}

#[tokio::test]
async fn a_call_without_a_credential_opens_none() {
    let stage = Stage::new().await;
    let caller = stage.authenticate(&stage.key().await).await.unwrap();
    let local = || Dispatch::new("local", "llama").without_credential();
    let permit = caller.authorize(local()).await.unwrap();
    let call = permit.open_without_credential().await.unwrap();
    assert_eq!(call.provider(), "local");
    let refusal = caller
        .authorize(local())
        .await
        .unwrap()
        .open()
        .await
        .unwrap_err();
    assert_eq!(refusal.code(), "missing_provider_credential");
}
