import { Button, Group, Modal, Stack, TextInput, Textarea } from '@mantine/core';
import { useState } from 'react';
import { labelsSchema, type RunLabels } from '../../../contract/run-record.ts';
import { callOrNotify } from '../../client.ts';

interface LabelEditorProps {
  readonly run: { readonly id: string; readonly labels?: RunLabels | undefined };
  readonly onClose: () => void;
}

/** Tags and note of a run. */
export function LabelEditor({ run, onClose }: LabelEditorProps) {
  const [tags, setTags] = useState(run.labels?.tags?.join(' ') ?? '');
  const [note, setNote] = useState(run.labels?.note ?? '');
  const [isBusy, setBusy] = useState(false);
  const labels = labelsSchema.safeParse({
    tags: [...new Set(tags.split(/[\s,]+/).filter(Boolean))],
    note: note.trim(),
  });
  const problem = (field: string) => labels.error?.issues.find(({ path }) => path[0] === field)?.message;
  const save = async (): Promise<void> => {
    if (!labels.success) return;
    setBusy(true);
    const isSaved = await callOrNotify('runs.labelRun', { id: run.id, labels: labels.data });
    setBusy(false);
    if (isSaved) onClose();
  };
  return (
    <Modal opened onClose={onClose} title="Tags and note">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Stack gap="sm">
          <TextInput
            label="Tags"
            description="Words to find the run by, with spaces between them"
            value={tags}
            error={problem('tags')}
            onChange={(event) => setTags(event.currentTarget.value)}
            data-autofocus
          />
          <Textarea
            label="Note"
            autosize
            minRows={3}
            maxRows={10}
            value={note}
            error={problem('note')}
            onChange={(event) => setNote(event.currentTarget.value)}
          />
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={isBusy} disabled={!labels.success}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
