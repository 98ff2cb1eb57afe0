//! Anthropic's Messages.

use super::Rule::{Free, Never, Only, Text, Written};
use super::{Caching, LEAVE_OUT, OWN_TOOLS, Rules};
use crate::estimate::shape::Item;
use crate::estimate::shape::Shape::{self, Any, Items, Object, Words};

pub(super) static MESSAGES: Rules = Rules {
    is_one_prompt: true,
    caching: Caching::OnRequest,
    members: &[
        ("cache_control", Free),
        ("container", Never(LEAVE_OUT)),
        (
            "context_management",
            Only(CONTEXT_MANAGEMENT, NO_COMPACTION),
        ),
        // Another model, at another price.
        ("fallbacks", Never(LEAVE_OUT)),
        // Anything but `global` costs more.
        ("inference_geo", Only(Words(&["global"]), LEAVE_OUT)),
        ("max_tokens", Written),
        ("mcp_servers", Never(LEAVE_OUT)),
        ("messages", Text(Items(CONVERSATION))),
        ("metadata", Free),
        ("model", Free),
        ("output_config", Free),
        ("output_format", Free),
        (
            "service_tier",
            Only(Words(&["auto", "standard_only"]), LEAVE_OUT),
        ),
        ("speed", Only(Words(&["standard"]), LEAVE_OUT)),
        ("stop_sequences", Free),
        ("stream", Free),
        ("system", Text(Items(&[TEXT]))),
        ("temperature", Free),
        ("thinking", Free),
        ("tool_choice", Free),
        ("tools", Only(Items(TOOLS), OWN_TOOLS)),
        ("top_k", Free),
        ("top_p", Free),
    ],
};

/// Edits that take something away. A compaction is an inference of its own.
const CONTEXT_MANAGEMENT: Shape = Object(&[(
    "edits",
    Items(&[
        Item {
            tag: Some("clear_thinking_20251015"),
            members: &[("keep", Any)],
        },
        Item {
            tag: Some("clear_tool_uses_20250919"),
            members: &[
                ("clear_at_least", Any),
                ("clear_tool_inputs", Any),
                ("exclude_tools", Any),
                ("keep", Any),
                ("trigger", Any),
            ],
        },
    ]),
)]);
const NO_COMPACTION: &str = "send only edits that clear thinking or tool uses";

const CONVERSATION: &[Item] = &[Item {
    tag: None,
    members: &[("content", Items(BLOCKS)), ("role", Any)],
}];
/// Blocks that are text. Images and documents are not, nor is what only the provider can read:
/// thinking with its signature, results of its own tools.
const BLOCKS: &[Item] = &[
    TEXT,
    Item {
        tag: Some("tool_use"),
        members: &[
            ("cache_control", Any),
            ("id", Any),
            ("input", Any),
            ("name", Any),
        ],
    },
    Item {
        tag: Some("tool_result"),
        members: &[
            ("cache_control", Any),
            ("content", Items(&[TEXT])),
            ("is_error", Any),
            ("tool_use_id", Any),
        ],
    },
];
const TEXT: Item = Item {
    tag: Some("text"),
    members: &[("cache_control", Any), ("citations", Any), ("text", Any)],
};
/// Tools with a schema of the client's own. Those with a version in their `type` bring a schema, or
/// run at the provider.
const TOOLS: &[Item] = &[
    Item {
        tag: None,
        members: TOOL,
    },
    Item {
        tag: Some("custom"),
        members: TOOL,
    },
];
const TOOL: &[(&str, Shape)] = &[
    ("cache_control", Any),
    ("description", Any),
    ("eager_input_streaming", Any),
    ("input_examples", Any),
    ("input_schema", Any),
    ("name", Any),
    ("strict", Any),
];
