//! A provider's list of models, cut down to what a key may use.

use serde_json::value::RawValue;

use crate::{body, text};

/// The answer to `GET /v1/models`: `{"object":"list","data":[{"id":..},..]}`.
#[derive(Clone, Copy, Debug)]
pub struct ModelList;

impl ModelList {
    /// The list with only those models whose `id` is allowed, each byte for byte as it came.
    ///
    /// An element without an `id` that is a string is left out. Of the other members of the list
    /// `object` stays, and so do numbers, booleans and null, such as `has_more`; what could name a
    /// model again (a second array, `first_id`) is left out.
    ///
    /// ```
    /// use portcullis_dialect::ModelList;
    ///
    /// let list = br#"{"object":"list","data":[{"id":"gpt-4o"},{"id":"o1"}]}"#;
    /// let seen = ModelList::filter(list, |id| id == "o1")?;
    /// assert_eq!(seen, br#"{"object":"list","data":[{"id":"o1"}]}"#);
    /// # Ok::<(), portcullis_dialect::NotAModelList>(())
    /// ```
    ///
    /// # Errors
    /// [`NotAModelList`] when the body is no such list, or not one that every reader reads alike (see
    /// [`JsonBody`](crate::JsonBody)). Answer an error then, and not the original.
    pub fn filter(body: &[u8], allow: impl Fn(&str) -> bool) -> Result<Vec<u8>, NotAModelList> {
        let members = body::members(body).map_err(|_| NotAModelList)?;
        let (_, data) = members
            .iter()
            .find(|(name, _)| name == "data")
            .ok_or(NotAModelList)?;
        let data = filter_data(data, allow)?;
        let kept = members.iter().filter_map(|(name, value)| match &**name {
            "data" => Some(("data", &*data)),
            name if name == "object" || names_nothing(value) => Some((name, value.get())),
            _ => None,
        });
        Ok(text::object(kept).into_bytes())
    }
}

/// A body is not a list of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the provider's answer is not a list of models; check the provider's address")]
pub struct NotAModelList;

fn filter_data(data: &RawValue, allow: impl Fn(&str) -> bool) -> Result<String, NotAModelList> {
    let models: Vec<&RawValue> = serde_json::from_str(data.get()).map_err(|_| NotAModelList)?;
    let allowed = |model: &&str| body::string_member(model, "id").is_some_and(|id| allow(&id));
    let kept: Vec<&str> = models
        .into_iter()
        .map(RawValue::get)
        .filter(allowed)
        .collect();
    Ok(format!("[{}]", kept.join(",")))
}

fn names_nothing(value: &RawValue) -> bool {
    !value.get().starts_with(['"', '[', '{'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(body: &str) -> Result<String, NotAModelList> {
        let kept = ModelList::filter(body.as_bytes(), |id| id.starts_with("ok"))?;
        Ok(String::from_utf8_lossy(&kept).into_owned())
    }

    #[test]
    fn only_allowed_models_stay_and_they_stay_verbatim() {
        let list = r#"{"object":"list", "data":[ {"id":"ok1", "x":{"y": 1.0}},{"id":"no"},{"id":"\u006fk2"}],"has_more":false}"#;
        let kept = r#"{"object":"list","data":[{"id":"ok1", "x":{"y": 1.0}},{"id":"\u006fk2"}],"has_more":false}"#;
        assert_eq!(filter(list).unwrap(), kept);
        assert_eq!(filter(r#"{"data":[]}"#).unwrap(), r#"{"data":[]}"#);
    }

    #[test]
    fn nothing_that_could_name_a_model_stays_beside_the_list() {
        let list = r#"{"models":[{"name":"no"}],"first_id":"no","data":[{"id":"no"}],"more":{"no":1},"n":3}"#;
        assert_eq!(filter(list).unwrap(), r#"{"data":[],"n":3}"#);
    }

    #[test]
    fn an_element_without_a_name_is_left_out() {
        let list = r#"{"data":[{},{"id":1},{"id":null},null,"ok",["ok"],{"ID":"ok"}]}"#;
        assert_eq!(filter(list).unwrap(), r#"{"data":[]}"#);
    }

    #[test]
    fn what_is_no_list_or_has_two_readings_is_an_error() {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"data":{}}"#,
            r#"{"data":null}"#,
            r#"{"data":[]"#,
            r#"{"data":[],"data":[{"id":"no"}]}"#,
            r#"{"data":[{"id":"ok","id":"no"}]}"#,
            r#"{"error":{"message":"x"}}"#,
        ] {
            assert_eq!(filter(body), Err(NotAModelList), "{body}");
        }
    }
}
