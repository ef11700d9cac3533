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
COMMENT ON TABLE easel.conversation_move IS 'Conversations that a device has moved for good: what comes of them later goes to the same folder instead of the inbox.';
COMMENT ON COLUMN easel.conversation_move.account_id IS 'The account.';
COMMENT ON COLUMN easel.conversation_move.conversation IS 'Its ConversationId in hex, as in the summaries of messages.';
COMMENT ON COLUMN easel.conversation_move.folder_id IS 'Where its messages go.';
COMMENT ON COLUMN easel.conversation_move.made_at IS 'When it was said.';
