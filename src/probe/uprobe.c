/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/uprobe.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* include/uapi/linux/bpf.h since 6.6; the headers and the library here are older */
#define TRACE_UPROBE_MULTI 48
#define UPROBE_MULTI_RETURN 1

struct link_attr {
	uint32_t prog_fd, target_fd, attach_type, flags;
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t n, multi_flags, pid, _pad0;
};

bool xc_uprobe_has_links(const struct xc_kernel *kernel)
{
	return xc_kernel_has_func(kernel, "bpf_uprobe_multi_link_attach");
}

void xc_uprobe_prepare(struct bpf_program *prog)
{
	(void)bpf_program__set_expected_attach_type(prog, (enum bpf_attach_type)TRACE_UPROBE_MULTI);
}

bool xc_uprobe_is_prepared(const struct bpf_program *prog)
{
	return (int)bpf_program__expected_attach_type(prog) == TRACE_UPROBE_MULTI;
}

/* ---- the place of a function in a file ----------------------------------------------------------- */

/* An address, as the file's symbols have it, is somewhere in one of its sections. */
static bool offset_of_address(Elf *elf, const GElf_Sym *sym, uint64_t *ret_offset)
{
	Elf_Scn *section = elf_getscn(elf, sym->st_shndx);
	GElf_Shdr header;

	if (!section || !gelf_getshdr(section, &header))
		return false;
	*ret_offset = sym->st_value - header.sh_addr + header.sh_offset;
	return true;
}

static bool find_in(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, const char *function,
		    uint64_t *ret_offset)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t n = data && header->sh_entsize ? header->sh_size / header->sh_entsize : 0;

	for (size_t i = 0; i < n; i++) {
		const char *name;
		GElf_Sym sym;

		if (!gelf_getsym(data, (int)i, &sym) || GELF_ST_TYPE(sym.st_info) != STT_FUNC ||
		    sym.st_shndx == SHN_UNDEF)
			continue;
		name = elf_strptr(elf, header->sh_link, sym.st_name);
		if (name && !strcmp(name, function))
			return offset_of_address(elf, &sym, ret_offset);
	}
	return false;
}

static int find_function(const char *path, const char *function, uint64_t *ret_offset)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf_Scn *section = NULL;
	bool is_found = false;
	GElf_Shdr header;
	Elf *elf;

	if (fd < 0)
		return -errno;
	(void)elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	while (elf && !is_found && (section = elf_nextscn(elf, section))) {
		if (!gelf_getshdr(section, &header) ||
		    (header.sh_type != SHT_DYNSYM && header.sh_type != SHT_SYMTAB))
			continue;
		is_found = find_in(elf, section, &header, function, ret_offset);
	}
	(void)elf_end(elf);	/* accepts NULL */
	return is_found ? 0 : -ENOENT;
}

int xc_uprobe_link(int prog_fd, const struct xc_uprobe_at *at, bool is_return)
{
	uint64_t offset = 0;
	struct link_attr attr = { .prog_fd = (uint32_t)prog_fd,
				  .attach_type = TRACE_UPROBE_MULTI,
				  .path = (uintptr_t)at->path,
				  .offsets = (uintptr_t)&offset,
				  .n = 1,
				  .multi_flags = is_return ? UPROBE_MULTI_RETURN : 0,
				  .pid = at->pid > 0 ? (uint32_t)at->pid : 0 };
	long fd;
	int r;

	if (prog_fd < 0)
		return prog_fd;
	r = find_function(at->path, at->function, &offset);
	if (r)
		return r;
	fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	return fd < 0 ? -errno : (int)fd;
}
