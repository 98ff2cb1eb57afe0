//! What LLM providers' bodies say: model, usage from plain and SSE bytes, error bodies.
