//! Proofs by doctest: the README runs, and the secret types cannot do what they must not.
//!
//! Each trait has a control: the same three lines compile for a type that does have it, so the
//! others fail for the reason they should.

#[doc = include_str!("../README.md")]
mod readme {}

macro_rules! cannot {
    ($($module:ident: $bound:literal, as $control:literal can;)*) => {$(
        #[doc = concat!("```\nfn needs<T: ", $bound, ">() {}\nneeds::<", $control, ">();\n```")]
        mod $module {
            cannot!(@secret $bound, "MasterKey", master_key);
            cannot!(@secret $bound, "MasterKeys", master_keys);
            cannot!(@secret $bound, "SealingKey", sealing_key);
            cannot!(@secret $bound, "KeySeed", key_seed);
            cannot!(@secret $bound, "Plaintext", plaintext);
        }
    )*};
    (@secret $bound:literal, $secret:literal, $name:ident) => {
        #[doc = concat!(
            "```compile_fail,E0277\nfn needs<T: ", $bound, ">() {}\nneeds::<portcullis_envelope::",
            $secret, ">();\n```"
        )]
        mod $name {}
    };
}

cannot! {
    clone: "Clone", as "String" can;
    copy: "Copy", as "u8" can;
    print: "std::fmt::Display", as "String" can;
    show_as_text: "AsRef<str>", as "String" can;
    compare: "PartialEq", as "String" can;
    order: "PartialOrd", as "String" can;
    hash: "std::hash::Hash", as "String" can;
    serialise: "serde::Serialize", as "String" can;
}
