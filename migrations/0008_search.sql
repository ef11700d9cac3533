-- Searching, conversations, out of office, and the recovery password of devices.

-- ---------------------------------------------------------------------------------------------
-- The words of items

CREATE EXTENSION IF NOT EXISTS btree_gin;

CREATE TABLE easel.content_words (
	account_id integer NOT NULL,
	content_id bigint NOT NULL,
	words tsvector NOT NULL,
	PRIMARY KEY (account_id, content_id),
	FOREIGN KEY (account_id, content_id) REFERENCES easel.content ON DELETE CASCADE
);
-- The words are read through the index only; out of line they leave the rows small.
ALTER TABLE easel.content_words ALTER COLUMN words SET STORAGE EXTERNAL, SET (toast_tuple_target = 128);
CREATE INDEX content_words_index ON easel.content_words USING gin (account_id, words);
COMMENT ON TABLE easel.content_words IS 'What can be found by its words: of every content those of its headers and of its text.';
COMMENT ON COLUMN easel.content_words.account_id IS 'The owner.';
COMMENT ON COLUMN easel.content_words.content_id IS 'The content.';
COMMENT ON COLUMN easel.content_words.words IS 'The words in lower case; weight A: of the subject, B: of the author, C: of the recipients, D: of all else.';

CREATE FUNCTION easel.words(subject text, author text, recipients text, body text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $$
	SELECT setweight(to_tsvector('simple', subject), 'A') || setweight(to_tsvector('simple', author), 'B')
	    || setweight(to_tsvector('simple', recipients), 'C') || to_tsvector('simple', body)
$$;
COMMENT ON FUNCTION easel.words(text, text, text, text) IS 'The words of an item; of the texts punctuation was removed before, so that an address is found by each of its parts.';

-- What is there already is found by its headers and by the beginning of its text.
INSERT INTO easel.content_words (account_id, content_id, words)
	SELECT account_id, id, easel.words(
		regexp_replace(coalesce(summary ->> 'subject', ''), '[^[:alnum:]]+', ' ', 'g'),
		regexp_replace(coalesce(summary ->> 'from', ''), '[^[:alnum:]]+', ' ', 'g'),
		regexp_replace(concat_ws(' ', summary ->> 'to', summary ->> 'cc'), '[^[:alnum:]]+', ' ', 'g'),
		regexp_replace(coalesce(summary ->> 'preview', ''), '[^[:alnum:]]+', ' ', 'g'))
	FROM easel.content;

-- ---------------------------------------------------------------------------------------------
-- Conversations

CREATE INDEX content_conversation ON easel.content (account_id, (summary ->> 'conversation'))
	WHERE summary ->> 'conversation' IS NOT NULL;

CREATE TABLE easel.conversation_move (
	account_id integer NOT NULL,
	conversation text NOT NULL CHECK (conversation ~ '^[0-9a-f]{32}$'),
	folder_id integer NOT NULL,
	made_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (account_id, conversation),
	FOREIGN KEY (account_id, folder_id) REFERENCES easel.folder ON DELETE CASCADE
);
CREATE INDEX ON easel.conversation_move (account_id, folder_id);
COMMENT ON TABLE easel.conversation_move IS 'Conversations that a device has moved for good: what comes of them later goes to the same folder instead of the inbox.';
COMMENT ON COLUMN easel.conversation_move.account_id IS 'The account.';
COMMENT ON COLUMN easel.conversation_move.conversation IS 'Its ConversationId in hex, as in the summaries of messages.';
COMMENT ON COLUMN easel.conversation_move.folder_id IS 'Where its messages go.';
COMMENT ON COLUMN easel.conversation_move.made_at IS 'When it was said.';

-- ---------------------------------------------------------------------------------------------
-- Out of office

CREATE TABLE easel.oof (
	account_id integer PRIMARY KEY REFERENCES easel.account ON DELETE CASCADE,
	state text NOT NULL DEFAULT 'off' CHECK (state IN ('off', 'on', 'timed')),
	start_at timestamptz,
	end_at timestamptz,
	changed_at timestamptz NOT NULL DEFAULT now(),
	CHECK (state <> 'timed' OR start_at < end_at)
);
COMMENT ON TABLE easel.oof IS 'Who is out of office. No row: nobody ever said so.';
COMMENT ON COLUMN easel.oof.account_id IS 'The account.';
COMMENT ON COLUMN easel.oof.state IS 'off; on, until it is switched off; timed, from start_at to end_at.';
COMMENT ON COLUMN easel.oof.start_at IS 'From when on, if timed.';
COMMENT ON COLUMN easel.oof.end_at IS 'Until when, if timed.';
COMMENT ON COLUMN easel.oof.changed_at IS 'When it was last set: from then on everybody is answered once again.';

CREATE TABLE easel.oof_message (
	account_id integer NOT NULL REFERENCES easel.oof ON DELETE CASCADE,
	audience text NOT NULL CHECK (audience IN ('internal', 'known', 'unknown')),
	enabled boolean NOT NULL,
	html boolean NOT NULL DEFAULT false,
	message text NOT NULL DEFAULT '' CHECK (length(message) <= 65536),
	PRIMARY KEY (account_id, audience)
);
COMMENT ON TABLE easel.oof_message IS 'What the account answers while it is out of office.';
COMMENT ON COLUMN easel.oof_message.account_id IS 'The account.';
COMMENT ON COLUMN easel.oof_message.audience IS 'To whom: internal, of the same domain; known, others whose address is among the account''s contacts; unknown, all others.';
COMMENT ON COLUMN easel.oof_message.enabled IS 'Whether they are answered.';
COMMENT ON COLUMN easel.oof_message.html IS 'Whether the text is HTML.';
COMMENT ON COLUMN easel.oof_message.message IS 'The text.';

CREATE TABLE easel.oof_answered (
	account_id integer NOT NULL REFERENCES easel.oof ON DELETE CASCADE,
	sender text NOT NULL CHECK (length(sender) <= 320),
	answered_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (account_id, sender)
);
COMMENT ON TABLE easel.oof_answered IS 'Who was told that an account is out of office: each is told once, until the account changes what it says.';
COMMENT ON COLUMN easel.oof_answered.account_id IS 'The account that is out of office.';
COMMENT ON COLUMN easel.oof_answered.sender IS 'The address that was answered, in lower case.';
COMMENT ON COLUMN easel.oof_answered.answered_at IS 'When.';

CREATE FUNCTION easel.oof_audience(account integer, sender text) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN split_part(lower(sender), '@', -1) = (
			SELECT d.name FROM easel.account a JOIN easel.domain d ON d.id = a.domain_id
			WHERE a.id = oof_audience.account) THEN 'internal'
	       WHEN EXISTS (SELECT FROM easel.content_words w
			JOIN easel.item i ON i.account_id = w.account_id AND i.content_id = w.content_id
			JOIN easel.folder f ON f.account_id = i.account_id AND f.id = i.folder_id AND f.class = 'Contacts'
			WHERE w.account_id = oof_audience.account
			AND w.words @@ phraseto_tsquery('simple', regexp_replace(sender, '[^[:alnum:]]+', ' ', 'g'))) THEN 'known'
	       ELSE 'unknown' END
$$;
COMMENT ON FUNCTION easel.oof_audience(integer, text) IS 'Which of the audiences of easel.oof_message a sender belongs to.';

CREATE FUNCTION easel.oof_answer(account integer, sender text) RETURNS TABLE (message text, html boolean) LANGUAGE plpgsql AS $$
BEGIN
	SELECT m.message, m.html INTO message, html
	FROM easel.oof o
	JOIN easel.oof_message m ON m.account_id = o.account_id
	WHERE o.account_id = oof_answer.account
	AND (o.state = 'on' OR o.state = 'timed' AND now() BETWEEN o.start_at AND o.end_at)
	AND m.enabled AND m.message <> '' AND m.audience = easel.oof_audience(oof_answer.account, oof_answer.sender);
	IF NOT FOUND THEN
		RETURN;
	END IF;
	INSERT INTO easel.oof_answered (account_id, sender) VALUES (oof_answer.account, lower(oof_answer.sender))
		ON CONFLICT DO NOTHING;
	IF FOUND THEN
		RETURN NEXT;
	END IF;
END $$;
COMMENT ON FUNCTION easel.oof_answer(integer, text) IS 'What to answer to a sender while the account is out of office, noted as answered; no row when he is not to be answered, or was already.';

-- ---------------------------------------------------------------------------------------------
-- Recovery passwords

CREATE TABLE easel.device_password (
	device integer PRIMARY KEY REFERENCES easel.device ON DELETE CASCADE,
	sealed bytea NOT NULL,
	set_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE easel.device_password IS 'Recovery passwords that devices have sent, where the policy lets them (password_recovery). easel-passwd --recover shows one.';
COMMENT ON COLUMN easel.device_password.device IS 'The device.';
COMMENT ON COLUMN easel.device_password.sealed IS 'The password, encrypted and authenticated with AES-256-GCM under a key that is derived from the workers'' key file: worthless without it.';
COMMENT ON COLUMN easel.device_password.set_at IS 'When the device sent it.';
