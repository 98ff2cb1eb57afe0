//! What one key may do: status, expiry, environment, provider, model.
