//! What providers' bodies say: the model of a request and what it can be billed for at most, the usage
//! in an answer, errors in the caller's dialect. OpenAI's chat completions, completions, responses,
//! embeddings and model list, and Anthropic's messages.
//!
//! ```
//! use portcullis_dialect::{Endpoint, Request, Tokens, Usage, UsageReader};
//!
//! let endpoint = Endpoint::of("POST", "/v1/chat/completions");
//! let request = Request::parse(endpoint, br#"{"mod\u0065l":"gpt-4o","messages":[]}"#)?;
//! assert_eq!(request.model(), "gpt-4o");
//! assert_eq!(request.to_bytes(), br#"{"model":"gpt-4o","messages":[]}"#); // send this, not the original
//!
//! let mut reader = UsageReader::for_content_type(Some("application/json"));
//! for chunk in [r#"{"choices":[],"usage":{"prompt_tok"#, r#"ens":9,"completion_tokens":2}}"#] {
//!     reader.push(chunk.as_bytes());
//! }
//! assert_eq!(reader.usage(), Usage::Exact(Tokens { input: 9, cached_input: 0, output: 2 }));
//! # Ok::<(), portcullis_dialect::BodyError>(())
//! ```
//!
//! # The rules
//!
//! 1. What is forwarded is what was read: [`Request::to_bytes`] writes the body from what was parsed.
//! 2. A body that two readers could read differently is refused: a duplicate key at any depth, a
//!    top-level key that is another key in other letters, invalid UTF-8, trailing bytes
//!    ([`JsonBody`]).
//! 3. The [`UsageReader`], not the end of the stream, decides whether usage is complete. It keeps
//!    one event, or a few kibibytes of a plain answer, however long the answer is, and a number it
//!    cannot trust is [`Usage::Unknown`].
//! 4. What is not recognised exactly is [`Endpoint::Unknown`].
//! 5. [`Request::limit`] writes the limits that its [`Bound`] assumes into the body, in one step. Text
//!    is bounded by its bytes, what is not text by the context window, and what costs more than tokens
//!    at the model's price is [`Unbounded`], as is whatever is not known here. `spec/estimate.md` of
//!    the repository is normative.
//! 6. A client that did not ask for usage does not see that somebody else did: [`UsageFilter`] takes the
//!    one event out of the stream and passes all other bytes as they are.
//!
//! # What it does not do
//!
//! It sends nothing, prices nothing and decides nothing. It counts no tokens: a [`Bound`] is a few
//! times what is used, and the difference is free again after the settlement. It does not decompress: ask providers for
//! `Accept-Encoding: identity`, or usage is [`Usage::Unknown`]. It does not check that a request is
//! one that the provider will accept; it reads the members that a gate decides by.
//!
//! # Security
//!
//! Bodies carry what users write. `Debug` of every type that holds a part of one shows its shape and
//! not its content, errors show positions and the names of fields of the API, never a value or a key
//! that the client made up, and the usage reader and its filter keep an event only until the event has
//! ended.

mod body;
mod dialect;
mod endpoint;
mod estimate;
mod model_list;
mod request;
mod text;
mod usage;

// The public interface is:
pub use body::{BodyError, JsonBody, KeyName};
pub use dialect::{ApiError, Dialect, error_body, error_event};
pub use endpoint::Endpoint;
pub use estimate::{
    Bound, ChatLimit, EstimatePolicy, FreeMembers, InvalidFreeMember, InvalidOutputLimit,
    OutputLimit, Unbounded,
};
pub use model_list::{ModelList, NotAModelList};
pub use request::Request;
pub use usage::{Tokens, Usage, UsageFilter, UsageReader};
