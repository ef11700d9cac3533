-- Who may look does not see what an omitted item is about, neither in the list of them nor in the message to its owner.

INSERT INTO easel.viewer_hidden VALUES ('sync_omitted', 'note'), ('omitted_item', 'subject');
SELECT easel.grant_roles();
