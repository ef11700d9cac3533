-- Of a message that a mail server was given while the request that sent it failed, it is known what
-- that server said of each recipient: the one that it had refused for now is not forgotten.

ALTER TABLE easel.imap_intent ADD outcome text NOT NULL DEFAULT '';

COMMENT ON COLUMN easel.imap_intent.outcome IS 'Of what a mail server was given: a letter for each recipient, s(ent), l(ater) or n(ever). Empty for the other kinds.';
COMMENT ON COLUMN easel.imap_intent.kind IS 'append, move or smtp.';
