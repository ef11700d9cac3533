-- Words that were added lately and are not sorted into the index yet are looked at one by one by every search: a few
-- of them, not 4 MB.

ALTER INDEX easel.content_words_index SET (gin_pending_list_limit = 128);
