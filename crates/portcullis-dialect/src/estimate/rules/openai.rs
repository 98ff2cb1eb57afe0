//! OpenAI's endpoints.

use super::Rule::{Free, Never, Only, Outside, Prompts, Text, Written};
use super::{Caching, LEAVE_OUT, OWN_TOOLS, Rule, Rules};
use crate::estimate::shape::Item;
use crate::estimate::shape::Shape::{self, Any, Items, Object, Words};

pub(super) static CHAT: Rules = Rules {
    is_one_prompt: true,
    caching: Caching::Implicit,
    members: &[
        ("audio", Never(TEXT_ONLY)),
        ("cache_control", Free),
        ("chat_template_kwargs", Only(TEMPLATE_SETTINGS, LEAVE_OUT)),
        ("frequency_penalty", Free),
        ("function_call", Free),
        ("functions", Free),
        ("logit_bias", Free),
        ("logprobs", Free),
        ("max_completion_tokens", Written),
        ("max_tokens", Written),
        ("messages", Text(Items(CHAT_MESSAGES))),
        ("metadata", Free),
        ("min_p", Free),
        ("min_tokens", Free),
        ("modalities", Only(Words(&["text"]), TEXT_ONLY)),
        ("model", Free),
        ("models", Never("name one model")),
        ("n", Written),
        ("parallel_tool_calls", Free),
        // What is predicted wrongly is billed as output, beside the limit.
        ("prediction", Never(LEAVE_OUT)),
        ("presence_penalty", Free),
        ("prompt_cache_key", Free),
        ("prompt_cache_options", Only(CACHE_OPTIONS, LEAVE_OUT)),
        ("prompt_cache_retention", Free),
        ("provider", Never(LEAVE_OUT)),
        ("reasoning", Only(REASONING, ONE_PASS)),
        ("reasoning_effort", Free),
        ("repetition_penalty", Free),
        ("response_format", Free),
        ("safety_identifier", Free),
        ("seed", Free),
        ("service_tier", SERVICE_TIER),
        ("stop", Free),
        ("store", Free),
        ("stream", Free),
        ("stream_options", Written),
        ("structured_outputs", Free),
        ("temperature", Free),
        ("thinking", Free),
        ("tool_choice", Free),
        ("tools", Only(Items(CHAT_TOOLS), OWN_TOOLS)),
        ("top_k", Free),
        ("top_logprobs", Free),
        ("top_p", Free),
        ("user", Free),
        ("verbosity", Free),
        ("web_search_options", Never(LEAVE_OUT)),
    ],
};

pub(super) static COMPLETIONS: Rules = Rules {
    is_one_prompt: false,
    caching: Caching::OnRequest,
    members: &[
        ("best_of", Written),
        ("echo", Free),
        ("frequency_penalty", Free),
        ("logit_bias", Free),
        ("logprobs", Free),
        ("max_tokens", Written),
        ("min_p", Free),
        ("min_tokens", Free),
        ("model", Free),
        ("n", Written),
        ("presence_penalty", Free),
        ("prompt", Prompts),
        ("repetition_penalty", Free),
        ("seed", Free),
        ("service_tier", SERVICE_TIER),
        ("stop", Free),
        ("stream", Free),
        ("stream_options", Written),
        ("structured_outputs", Free),
        ("suffix", Free),
        ("temperature", Free),
        ("top_k", Free),
        ("top_p", Free),
        ("user", Free),
    ],
};

pub(super) static RESPONSES: Rules = Rules {
    is_one_prompt: true,
    caching: Caching::Implicit,
    members: &[
        ("background", Free),
        ("context_management", Never(LEAVE_OUT)),
        ("conversation", Outside),
        ("include", Free),
        ("input", Text(Items(RESPONSE_INPUT))),
        ("instructions", Text(Items(&[]))),
        ("max_output_tokens", Written),
        ("max_tool_calls", Free),
        ("metadata", Free),
        ("model", Free),
        ("parallel_tool_calls", Free),
        ("previous_response_id", Outside),
        // A stored prompt may bring tools that the provider runs.
        ("prompt", Never("send its text")),
        ("prompt_cache_key", Free),
        ("prompt_cache_options", Only(CACHE_OPTIONS, LEAVE_OUT)),
        ("prompt_cache_retention", Free),
        ("reasoning", Only(REASONING, ONE_PASS)),
        ("safety_identifier", Free),
        ("service_tier", SERVICE_TIER),
        ("store", Free),
        ("stream", Free),
        ("stream_options", Free),
        ("temperature", Free),
        ("text", Free),
        ("tool_choice", Free),
        ("tools", Only(Items(RESPONSE_TOOLS), OWN_TOOLS)),
        ("top_logprobs", Free),
        ("top_p", Free),
        ("truncation", Free),
        ("user", Free),
    ],
};

pub(super) static EMBEDDINGS: Rules = Rules {
    is_one_prompt: false,
    caching: Caching::OnRequest,
    members: &[
        ("dimensions", Free),
        ("encoding_format", Free),
        ("input", Prompts),
        ("model", Free),
        ("user", Free),
    ],
};

/// `auto` is what the operator has chosen for the project. `flex` is cheaper; all others are dearer.
const SERVICE_TIER: Rule = Only(
    Words(&["auto", "default", "flex"]),
    "send `default`, or leave it out",
);
/// Audio has prices of its own.
const TEXT_ONLY: &str = "ask for text";
/// `mode` may ask for several passes.
const REASONING: Shape = Object(&[
    ("effort", Any),
    ("enabled", Any),
    ("exclude", Any),
    ("generate_summary", Any),
    ("max_tokens", Any),
    ("mode", Words(&["standard"])),
    ("summary", Any),
]);
const ONE_PASS: &str = "send nothing but `effort` and `summary`";
/// Other lifetimes may have other prices.
const CACHE_OPTIONS: Shape = Object(&[
    ("mode", Words(&["explicit", "implicit"])),
    ("ttl", Words(&["30m"])),
]);

/// vLLM takes a template of the client's here, and a template can write a text of any length.
const TEMPLATE_SETTINGS: Shape = Object(&[
    ("enable_thinking", Any),
    ("reasoning_effort", Any),
    ("thinking", Any),
]);

/// A message of any role. `audio`, and whatever else a server takes, is none of these.
const CHAT_MESSAGES: &[Item] = &[Item {
    tag: None,
    members: &[
        ("content", Items(CHAT_PARTS)),
        ("function_call", Any),
        ("name", Any),
        ("reasoning", Items(&[])),
        ("reasoning_content", Items(&[])),
        ("refusal", Any),
        ("role", Any),
        ("tool_call_id", Any),
        ("tool_calls", Any),
    ],
}];
const CHAT_PARTS: &[Item] = &[
    Item {
        tag: Some("text"),
        members: &[
            ("cache_control", Any),
            ("prompt_cache_breakpoint", Any),
            ("text", Any),
        ],
    },
    Item {
        tag: Some("refusal"),
        members: &[("refusal", Any)],
    },
];
const CHAT_TOOLS: &[Item] = &[
    Item {
        tag: Some("function"),
        members: &[("cache_control", Any), ("function", Any)],
    },
    Item {
        tag: Some("custom"),
        members: &[("custom", Any)],
    },
];

/// Items that are all there in the body. Those that refer to what the provider keeps, or hold what
/// only it can read (reasoning, compactions), are none of these.
const RESPONSE_INPUT: &[Item] = &[
    Item {
        tag: None,
        members: MESSAGE,
    },
    Item {
        tag: Some("message"),
        members: MESSAGE,
    },
    Item {
        tag: Some("function_call"),
        members: &[
            ("arguments", Any),
            ("call_id", Any),
            ("id", Any),
            ("name", Any),
            ("status", Any),
        ],
    },
    Item {
        tag: Some("function_call_output"),
        members: CALL_OUTPUT,
    },
    Item {
        tag: Some("custom_tool_call"),
        members: &[
            ("call_id", Any),
            ("id", Any),
            ("input", Any),
            ("name", Any),
            ("status", Any),
        ],
    },
    Item {
        tag: Some("custom_tool_call_output"),
        members: CALL_OUTPUT,
    },
];
const MESSAGE: &[(&str, Shape)] = &[
    ("content", Items(RESPONSE_PARTS)),
    ("id", Any),
    ("phase", Any),
    ("role", Any),
    ("status", Any),
];
const CALL_OUTPUT: &[(&str, Shape)] = &[
    ("call_id", Any),
    ("id", Any),
    ("output", Items(RESPONSE_PARTS)),
    ("status", Any),
];
const RESPONSE_PARTS: &[Item] = &[
    Item {
        tag: Some("input_text"),
        members: &[("prompt_cache_breakpoint", Any), ("text", Any)],
    },
    Item {
        tag: Some("output_text"),
        members: &[("annotations", Any), ("logprobs", Any), ("text", Any)],
    },
    Item {
        tag: Some("refusal"),
        members: &[("refusal", Any)],
    },
];
const RESPONSE_TOOLS: &[Item] = &[
    Item {
        tag: Some("function"),
        members: &[
            ("description", Any),
            ("name", Any),
            ("parameters", Any),
            ("strict", Any),
        ],
    },
    Item {
        tag: Some("custom"),
        members: &[("description", Any), ("format", Any), ("name", Any)],
    },
];
