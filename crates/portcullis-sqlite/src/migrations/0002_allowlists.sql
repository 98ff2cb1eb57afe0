-- From where keys may be used: JSON arrays of text, as the operator wrote them. NULL = from anywhere, [] = from nowhere.

ALTER TABLE organizations ADD COLUMN allow_ips TEXT;
ALTER TABLE keys ADD COLUMN allow_ips TEXT;
