//! The twenty lines of the README: one protected route in front of OpenAI.
//!
//! It works on the data folder that `cargo run --example gateway` made: run that one first, and
//! `credentials put openai`. Stop the gateway before you start this: one process serves from a database.

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use portcullis::{
    Authenticated, Dispatch, Gate, MasterKeyFile, ProtectLayer, Rejection, SqliteStore, meter,
};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};

// README: begin
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = SqliteStore::open("portcullis-data/portcullis.db")?;
    let master = MasterKeyFile::read("portcullis-data/master.key")?;
    let (gate, upkeep) = Gate::builder(store, master).open().await?;
    tokio::spawn(upkeep);
    let app = Router::new()
        .route("/v1/chat/completions", post(chat))
        .layer(ProtectLayer::new(gate))
        .with_state(reqwest::Client::new())
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    Ok(axum::serve(listener, app).await?)
}

async fn chat(
    State(http): State<reqwest::Client>,
    Authenticated(caller): Authenticated,
    body: Bytes,
) -> Result<Response, Rejection> {
    let dispatch = Dispatch::from_openai("openai", &body)?;
    let permit = caller.authorize(dispatch).await?;
    let (call, credential) = permit.open().await?;
    let request = http
        .post("https://api.openai.com/v1/chat/completions")
        .header(AUTHORIZATION, credential.bearer())
        .header(CONTENT_TYPE, "application/json")
        .body(call.outgoing(body));
    let answer = request.send().await.map_err(Rejection::upstream)?;
    Ok(meter(call, answer.into()).into_response())
}
// README: end
